//! `dts-migrate` and a server with TLS: what each sslmode takes and refuses. (Connection strings: the tests of
//! `migrate/src/connection/`.)

use super::cluster::{self, as_server_user};
use dts_migrate::connection::{Server, Side};
use std::path::Path;

/// With certificates of the first version, which are what PostgreSQL's documentation makes; their name is localhost.
#[test]
fn tls() {
    let cluster = cluster::fresh();
    let directory = cluster.socket_directory().display().to_string();
    let script = format!(
        "cd {directory} && umask 077
         issue() {{ openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout $1.key -out $1.crt -subj /CN=$1; }}
         issue ca && issue other && openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost &&
         openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt"
    );
    let output = as_server_user(Path::new("sh"))
        .args(["-c", &script])
        .output()
        .expect("sh");
    assert!(
        output.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    cluster.start(&format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file={directory}/server.crt \
         -c ssl_key_file={directory}/server.key"
    ));
    let user = cluster
        .config("postgres")
        .get_user()
        .expect("a user")
        .to_owned();
    let said = |more: &str| {
        let connection = format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user={user} dbname=postgres {more}"
        );
        let session = Server::new(Side::Source, &connection).and_then(|server| server.connect());
        let mut session = session.map_err(|problem| problem.to_string())?;
        let rows = session
            .ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .expect("its kind");
        Ok::<bool, String>(rows[0].is_true(0))
    };
    let (ca, other) = (
        format!("sslrootcert={directory}/ca.crt"),
        format!("sslrootcert={directory}/other.crt"),
    );
    assert_eq!(said("sslmode=disable"), Ok(false));
    assert_eq!(said("sslmode=prefer"), Ok(true));
    assert_eq!(said("sslmode=require"), Ok(true));
    assert_eq!(said(&format!("sslmode=verify-ca {ca}")), Ok(true));
    assert_eq!(said(&format!("sslmode=verify-full {ca}")), Ok(true));
    // the server's own certificate among the roots
    assert_eq!(
        said(&format!(
            "sslmode=verify-full sslrootcert={directory}/server.crt"
        )),
        Ok(true)
    );
    for refused in [
        format!("sslmode=require {other}"),
        format!("sslmode=verify-ca {other}"),
        format!("sslmode=verify-full {ca} host=127.0.0.1"),
    ] {
        assert!(
            said(&refused).is_err_and(|why| why.contains("invalid peer certificate")),
            "{refused}"
        );
    }
    assert_eq!(
        said(&format!("sslmode=verify-ca {ca} host=127.0.0.1")),
        Ok(true)
    );
}
