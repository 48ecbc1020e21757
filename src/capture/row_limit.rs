//! How large a row may be, so that whoever decodes it can.
//!
//! PostgreSQL stores values of almost 1 GiB, but an output plugin puts all of a row into one buffer of 1 GiB at most
//! (stringinfo.c): beyond that the slot is stuck at this row for good. What counts is the form that is sent:
//! `test_decoding` doubles quotes, JSON escapes up to six bytes for one, and a conversion to the consumer's encoding makes up to
//! three bytes of one (tried on 15 and 18: 530 MB of quotes pass `test_decoding`, 560 MB do not; the same with pgoutput from
//! LATIN1 to UTF8). And each side needs memory for several times the row: a limit of half of PostgreSQL's leaves both some.
//! Relied on: no encoding of PostgreSQL needs more than three bytes for a byte of another one (mb/pg_wchar.h).

/// The limit of a row, and of a logical message, in the form that [`fits`] is about.
pub const ROW: usize = 512 << 20;
/// The limit of the column `message`, so that it can be cast to jsonb, which holds 256 MiB at most (jsonb.h: JENTRY_OFFLENMASK).
pub const MESSAGE: usize = 128 << 20;

/// Whether a row of these texts (the others are short), or a message, can be decoded by everybody.
pub fn fits(texts: &[&[u8]]) -> bool {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    // What most are is not looked at.
    bytes <= ROW / HEAVIEST as usize
        || texts.iter().map(|text| largest_form(text)).sum::<usize>() <= ROW
}

/// As many bytes as a text has in any form in which a consumer gets it, at most.
fn largest_form(text: &[u8]) -> usize {
    text.iter()
        .map(|&byte| usize::from(WEIGHTS[usize::from(byte)]))
        .sum()
}

const HEAVIEST: u8 = 6;

/// What a byte may become.
const WEIGHTS: [u8; 256] = {
    let mut weights = [1; 256];
    let mut byte = 0;
    while byte < 256 {
        weights[byte] = match byte as u8 {
            b'\'' | b'"' | b'\\' | 0x08..=0x0a | 0x0c | 0x0d => 2,
            0x00..0x20 => HEAVIEST,
            0x80.. => 3,
            _ => 1,
        };
        byte += 1;
    }
    weights
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(largest_form(b"CREATE TABLE a (x int)"), 22);
        for (text, form) in [
            ("it's \"x\"\\", 13),
            ("\n\t\x01\x0b", 16),
            ("\u{e9}", 6),
            ("\u{20ac}", 9),
            ("", 0),
        ] {
            assert_eq!(largest_form(text.as_bytes()), form, "{text:?}");
        }
        // JSON, in whatever way, is never longer
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let json = serde_json::to_string(&text).map_or(0, |json| json.len() - 2);
            assert!(json <= largest_form(text.as_bytes()), "{text:?}");
        }
    }
}
