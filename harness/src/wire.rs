//! A client that sends any bytes and keeps everything the server says: PostgreSQL's protocol 3.0 over a Unix socket.
//!
//! Relied on: "trust" authentication. Not promised: COPY, parameters, binary results.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A statement that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The fields of an error or notice, by their letters.
pub type Fields = BTreeMap<char, String>;

/// A row's values, `None` for NULL.
type Row = Vec<Option<Vec<u8>>>;

#[derive(Default, Debug, Clone)]
pub struct Reply {
    /// Command tags in order, each with its rows.
    pub results: Vec<(String, Vec<Row>)>,
    pub error: Option<Fields>,
    pub notices: Vec<Fields>,
    /// I, T or E: idle, in a transaction, in a failed one.
    pub status: u8,
}

impl Reply {
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }

    pub fn code(&self) -> &str {
        field(&self.error, 'C')
    }

    pub fn message(&self) -> &str {
        field(&self.error, 'M')
    }

    pub fn rows(&self) -> &[Row] {
        self.results.last().map_or(&[], |(_, rows)| rows)
    }

    /// The rows as text, an absent value as an empty one.
    pub fn texts(&self) -> Vec<Vec<String>> {
        let text = |value: &Option<Vec<u8>>| {
            String::from_utf8_lossy(value.as_deref().unwrap_or_default()).into_owned()
        };
        self.rows()
            .iter()
            .map(|row| row.iter().map(text).collect())
            .collect()
    }
}

fn field(fields: &Option<Fields>, key: char) -> &str {
    fields
        .as_ref()
        .and_then(|fields| fields.get(&key))
        .map_or("", String::as_str)
}

/// The connection is gone; what the server said last, if anything.
#[derive(Debug, Clone)]
pub struct Lost {
    pub fatal: Option<Fields>,
    pub reason: String,
}

impl From<std::io::Error> for Lost {
    fn from(error: std::io::Error) -> Self {
        Lost {
            fatal: None,
            reason: error.to_string(),
        }
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", field(&self.fatal, 'M'), self.reason)
    }
}

pub struct Wire {
    stream: UnixStream,
    pub pid: i32,
    key: i32,
}

impl Wire {
    /// `settings` are sent with the start of the session.
    pub fn connect(
        directory: &Path,
        user: &str,
        database: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self, Lost> {
        let stream = UnixStream::connect(socket(directory))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut wire = Wire {
            stream,
            pid: 0,
            key: 0,
        };
        let mut body = 196_608i32.to_be_bytes().to_vec();
        for (name, value) in [("user", user), ("database", database)]
            .iter()
            .chain(settings)
        {
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(value.as_bytes());
            body.push(0);
        }
        body.push(0);
        let length = (body.len() as i32 + 4).to_be_bytes();
        wire.stream.write_all(&[&length[..], &body].concat())?;
        let reply = wire.reply()?;
        match reply.error {
            None => Ok(wire),
            Some(fields) => Err(Lost {
                fatal: Some(fields),
                reason: "at the start".to_owned(),
            }),
        }
    }

    /// One string by the simple protocol.
    pub fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<Reply, Lost> {
        self.send(b'Q', &[sql.as_ref(), b"\0"].concat())?;
        self.reply()
    }

    /// One statement by the extended protocol, parsed once and executed `times` times.
    pub fn extended(&mut self, sql: impl AsRef<[u8]>, times: usize) -> Result<Reply, Lost> {
        self.send(b'P', &[b"\0", sql.as_ref(), b"\0\0\0"].concat())?;
        for _ in 0..times {
            self.send(b'B', b"\0\0\0\0\0\0\0\0")?;
            self.send(b'E', b"\0\0\0\0\0")?;
        }
        self.send(b'S', b"")?;
        self.reply()
    }

    /// Rows of a query that cannot fail.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Vec<String>>, Lost> {
        let reply = self.query(sql)?;
        match reply.error {
            None => Ok(reply.texts()),
            Some(_) => Err(Lost {
                reason: format!("{} in {sql}", reply.message()),
                fatal: reply.error,
            }),
        }
    }

    /// The first value of the first row.
    pub fn value(&mut self, sql: &str) -> Result<String, Lost> {
        let rows = self.rows(sql)?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next())
            .unwrap_or_default())
    }

    /// What is needed to cancel this session's query from elsewhere.
    pub fn cancel_key(&self) -> (i32, i32) {
        (self.pid, self.key)
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), Lost> {
        let mut message = vec![kind];
        message.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        Ok(self.stream.write_all(&message)?)
    }

    fn reply(&mut self) -> Result<Reply, Lost> {
        let mut reply = Reply::default();
        let mut rows = Vec::new();
        loop {
            let (kind, body) = match self.message() {
                Ok(message) => message,
                Err(error) => {
                    return Err(Lost {
                        fatal: reply.error.take(),
                        reason: error.to_string(),
                    });
                }
            };
            match kind {
                b'C' => reply
                    .results
                    .push((zero_ended(&body), std::mem::take(&mut rows))),
                b'I' => reply.results.push((String::new(), Vec::new())),
                b'D' => rows.push(values(&body)),
                b'E' => {
                    reply.error = Some(fields(&body));
                    rows.clear();
                }
                b'N' => reply.notices.push(fields(&body)),
                b'K' => {
                    self.pid = integer(&body);
                    self.key = integer(&body[4..]);
                }
                b'Z' => {
                    reply.status = body[0];
                    return Ok(reply);
                }
                b'R' if integer(&body) != 0 => {
                    return Err(Lost {
                        fatal: None,
                        reason: "not trusted".to_owned(),
                    });
                }
                _ => {}
            }
        }
    }

    fn message(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let mut body = vec![0; integer(&head[1..]) as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.send(b'X', b"");
    }
}

/// Asks the server to cancel what the session with this key runs.
pub fn cancel(directory: &Path, (pid, key): (i32, i32)) {
    if let Ok(mut stream) = UnixStream::connect(socket(directory)) {
        let parts = [16, 80_877_102, pid, key].map(i32::to_be_bytes).concat();
        let _ = stream.write_all(&parts);
        let _ = stream.read(&mut [0]);
    }
}

fn socket(directory: &Path) -> std::path::PathBuf {
    directory.join(".s.PGSQL.5432")
}

fn integer(bytes: &[u8]) -> i32 {
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn zero_ended(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn fields(mut body: &[u8]) -> Fields {
    let mut fields = Fields::new();
    while let Some((&key, rest)) = body.split_first().filter(|(key, _)| **key != 0) {
        let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
        fields.insert(
            key as char,
            String::from_utf8_lossy(&rest[..end]).into_owned(),
        );
        body = &rest[(end + 1).min(rest.len())..];
    }
    fields
}

fn values(body: &[u8]) -> Row {
    let count = u16::from_be_bytes([body[0], body[1]]);
    let mut rest = &body[2..];
    (0..count)
        .map(|_| {
            let length = integer(rest);
            rest = &rest[4..];
            let length = usize::try_from(length).ok()?;
            let value = rest[..length].to_vec();
            rest = &rest[length..];
            Some(value)
        })
        .collect()
}
