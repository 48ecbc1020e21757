//! A text with something else in place of parts of it.
//!
//! What it does: copies what stays byte by byte, and puts a space where two tokens that were no neighbours might grow
//! together.
//!
//! What it relies on: the parts begin and end where tokens do, and come in order.

use super::lexer::is_space;
use std::ops::Range;

/// The new text, as far as the old one has been looked at.
pub(super) struct Patch<'a> {
    text: &'a [u8],
    output: Vec<u8>,
    copied: usize,
}

impl<'a> Patch<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Patch {
            text,
            output: Vec::new(),
            copied: 0,
        }
    }

    /// Puts `instead` in place of `part`; nothing in place of it leaves it out. `None` if it is not behind the last one.
    pub(super) fn put(&mut self, part: Range<usize>, instead: &[u8]) -> Option<()> {
        let before = self.text.get(self.copied..part.start)?;
        append_apart(&mut self.output, before);
        append_apart(&mut self.output, instead);
        self.copied = part.end;
        Some(())
    }

    /// The text with all that has been put into it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let rest = self.text.get(self.copied..).unwrap_or_default();
        append_apart(&mut self.output, rest);
        self.output
    }
}

/// Appends `more`, behind a space if the two might grow together.
pub(super) fn append_apart(output: &mut Vec<u8>, more: &[u8]) {
    if let (Some(last), Some(first)) = (output.last(), more.first())
        && !stands_alone(*last)
        && !stands_alone(*first)
    {
        output.push(b' ');
    }
    output.extend_from_slice(more);
}

/// Whether the byte is part of no longer token, at the beginning or the end of a piece.
fn stands_alone(b: u8) -> bool {
    is_space(b) || matches!(b, b'(' | b')' | b'[' | b']' | b',' | b';')
}
