//! What psql reads: nothing of a row is ever a command or a variable of psql.

use std::collections::BTreeSet;

/// A statement that psql runs as it is.
pub fn add_statement(script: &mut Vec<u8>, statement: &[u8]) {
    add(script, "SELECT ");
    add_dollar_quoted(script, statement);
    add(script, " \\gexec\n");
}

pub fn add(script: &mut Vec<u8>, text: &str) {
    script.extend_from_slice(text.as_bytes());
}

/// Each line as a comment; psql ends a comment at a carriage return, too.
pub fn add_comment(script: &mut Vec<u8>, text: &[u8]) {
    for line in text.split(|b| matches!(b, b'\n' | b'\r')) {
        script.extend_from_slice(b"-- ");
        script.extend_from_slice(line);
        script.push(b'\n');
    }
}

pub fn add_identifier(script: &mut Vec<u8>, name: &[u8]) {
    script.push(b'"');
    for &byte in name {
        if byte == b'"' {
            script.push(byte);
        }
        script.push(byte);
    }
    script.push(b'"');
}

/// A string constant that reads the same whatever standard_conforming_strings is.
pub fn add_constant(script: &mut Vec<u8>, value: &[u8]) {
    if value.iter().any(|b| matches!(b, b'\'' | b'\\')) {
        add_dollar_quoted(script, value);
    } else {
        script.push(b'\'');
        script.extend_from_slice(value);
        script.push(b'\'');
    }
}

pub fn add_dollar_quoted(script: &mut Vec<u8>, text: &[u8]) {
    let quote = dollar_quote(text);
    add(script, &quote);
    script.extend_from_slice(text);
    add(script, &quote);
}

/// `$dts$`, or with a number where the text has that.
fn dollar_quote(text: &[u8]) -> String {
    const START: &[u8] = b"$dts";
    /// No text has so many of them that a longer number were needed.
    const DIGITS: usize = 9;
    let mut taken = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'$') {
        rest = &rest[at..];
        let Some(after) = rest.strip_prefix(START) else {
            rest = &rest[1..];
            continue;
        };
        let length = after.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = core::str::from_utf8(&after[..length]).unwrap_or_default();
        // What ends the text may become a delimiter by the dollar sign that follows it.
        let is_delimiter = matches!(after.get(length), None | Some(b'$'));
        if is_delimiter && length <= DIGITS {
            taken.insert(digits.parse::<u32>().unwrap_or(0));
        }
        rest = &after[length..];
    }
    match (0..).find(|number| !taken.contains(number)) {
        None | Some(0) => "$dts$".to_owned(),
        Some(number) => format!("$dts{number}$"),
    }
}

#[cfg(test)]
mod tests {
    use super::{add_comment, add_constant, add_identifier, dollar_quote};

    #[test]
    fn dollar_quotes_that_the_text_lacks() {
        for (text, quote) in [
            ("", "$dts$"),
            ("$$ $x$ $dt $dts", "$dts1$"),
            ("$dtsx$ $dts7$", "$dts$"),
            ("$dts$ $dts2$", "$dts1$"),
            ("$dts$dts1$", "$dts2$"),
            ("$dts$ $dts1$ $dts2", "$dts3$"),
            ("$dts$ $dts99999999999999999999$ $dts01$", "$dts2$"),
        ] {
            assert_eq!(dollar_quote(text.as_bytes()), quote, "{text}");
        }
    }

    fn written(add: impl Fn(&mut Vec<u8>, &[u8]), text: &str) -> String {
        let mut script = Vec::new();
        add(&mut script, text.as_bytes());
        String::from_utf8(script).expect("UTF-8")
    }

    #[test]
    fn comments_identifiers_constants() {
        assert_eq!(
            written(add_comment, "a\r\nb\n\\c"),
            "-- a\n-- \n-- b\n-- \\c\n"
        );
        assert_eq!(written(add_identifier, "a\"\\:b\n"), "\"a\"\"\\:b\n\"");
        assert_eq!(written(add_constant, "a:b"), "'a:b'");
        assert_eq!(written(add_constant, "a\\'"), "$dts$a\\'$dts$");
    }
}
