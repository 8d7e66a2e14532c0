//! Postings: which records have which words, for search.
//!
//! The log is the truth and this is taken from it, behind the commits and outside the hub's loop.
//! Words of the newest records are held in memory; when there are enough of them they become a
//! segment, which is written once, in order, and changed only by redaction. A segment is a pure
//! function of its part of the log. Words are made in `shared::search`; what is found by them is
//! compared with the stored text, so nothing here decides what matches.
//!
//! ```text
//! block   = entry ..              words ascending; a segment is blocks keyed by their first word
//! entry   = shared (u8) | own (u8), own bytes | list length | list
//! list    = position after the one before, less one, ..     from the segment's first position on
//! ```
//!
//! `shared` counts the bytes that a word has in common with the one before it in its block. The
//! numbers of `list` and its length in bytes are LEB128.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    event::Event,
    id::{ChatId, Pos, Seq},
    search::{Query, Word, text_of, words},
};

use super::{StoreError, StoredRecord};

/// Records after which the words in memory become a segment.
pub(super) const SEGMENT_RECORDS: u64 = 8_192;
/// Postings after which they do so earlier: bounds memory whatever is written.
const SEGMENT_POSTINGS: usize = 512 * 1024;
/// Bytes after which a block ends: a few fit a page, and one is read in microseconds.
const BLOCK_BYTES: usize = 1_000;

/// A message, by chat and seq.
pub(super) type Message = (ChatId, Seq);

/// What one record puts into the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) words: BTreeSet<String>,
    /// The message whose text it replaces.
    pub(super) edits: Option<Message>,
}

/// What `record` puts into the index. One that cannot be read puts nothing: `check` tells of it.
pub(super) fn entry(record: &StoredRecord) -> Entry {
    let Some((event, text)) = text(record) else {
        return Entry::default();
    };
    let edits = match event {
        Event::MessageEdited { seq, .. } => record.chat.map(|chat| (chat, seq)),
        _ => None,
    };
    Entry {
        words: words(&text),
        edits,
    }
}

/// Whether the words of `record` are what is looked for.
pub(super) fn is_match(record: &StoredRecord, query: &Query) -> bool {
    text(record).is_some_and(|(_, text)| query.matches(&text))
}

fn text(record: &StoredRecord) -> Option<(Event, String)> {
    // Most records have no words; their kind says so without a look at their JSON.
    let has_text = matches!(
        &*record.kind,
        "message_posted" | "message_edited" | "chat_opened"
    );
    if !has_text || record.is_redacted() {
        return None;
    }
    let event = record.record().ok()?.event;
    let text = text_of(&event)?.into_owned();
    Some((event, text))
}

/// Whether an entry has all of these words.
pub(super) fn has_all(entry: &Entry, wanted: &[Word]) -> bool {
    wanted.iter().all(|word| match word.prefix {
        false => entry.words.contains(&word.text),
        true => {
            let mut from = entry.words.range(word.text.clone()..);
            from.next().is_some_and(|next| next.starts_with(&word.text))
        }
    })
}

/// Words of records that follow each other, not yet a segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// The last position before them.
    pub(super) after: Pos,
    /// The last position among them.
    pub(super) upto: Pos,
    lists: BTreeMap<String, Vec<u64>>,
    pub(super) edits: BTreeMap<Message, Pos>,
    postings: usize,
}

impl Words {
    /// None yet, after `pos`.
    pub(super) fn after(pos: Pos) -> Self {
        Self {
            after: pos,
            upto: pos,
            ..Self::default()
        }
    }

    /// Takes in what the record after the last one put in.
    pub(super) fn take(&mut self, entry: Entry) {
        self.upto = self.upto.next();
        self.postings += entry.words.len();
        for word in entry.words {
            self.lists.entry(word).or_default().push(self.upto.0);
        }
        if let Some(message) = entry.edits {
            self.edits.insert(message, self.upto);
        }
    }

    /// There are enough of them for a segment.
    pub(super) fn is_full(&self) -> bool {
        self.upto.0 - self.after.0 >= SEGMENT_RECORDS || self.postings >= SEGMENT_POSTINGS
    }

    /// Forgets the words of these records.
    pub(super) fn forget(&mut self, gone: &BTreeSet<u64>) {
        self.lists.retain(|_, list| {
            list.retain(|pos| !gone.contains(pos));
            !list.is_empty()
        });
    }

    /// Positions that have all of these words, newest first.
    pub(super) fn find(&self, wanted: &[Word]) -> Vec<Pos> {
        let mut found = Found::all(self.after.next(), self.upto);
        for word in wanted {
            let from = self.lists.range(word.text.clone()..);
            let fitting = from.take_while(|(known, _)| fits(known.as_bytes(), word));
            found.keep(fitting.flat_map(|(_, list)| list.iter().copied()));
        }
        found.newest_first()
    }

    /// The blocks of the segment, with their first words.
    pub(super) fn blocks(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut blocks: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut last: &[u8] = &[];
        for (word, list) in &self.lists {
            let word = word.as_bytes();
            if blocks
                .last()
                .is_none_or(|(_, block)| block.len() >= BLOCK_BYTES)
            {
                blocks.push((word.to_vec(), Vec::new()));
                last = &[];
            }
            if let Some((_, block)) = blocks.last_mut() {
                put_entry(block, last, word, list, self.after.0);
            }
            last = word;
        }
        blocks
    }

    /// Puts the words of a block back.
    pub(super) fn unpack(&mut self, block: &[u8]) -> Result<(), StoreError> {
        each_entry(block, |word, list| {
            let list: Vec<u64> = Positions::new(list, self.after.0).collect();
            self.postings += list.len();
            let word = std::str::from_utf8(word).map_err(|_| damage())?;
            self.lists.insert(word.to_owned(), list);
            Ok(true)
        })
    }
}

/// Positions of a range that are still in question: a bit each.
#[derive(Debug)]
pub(super) struct Found {
    first: u64,
    bits: Vec<u64>,
}

impl Found {
    /// All from `first` to `last`.
    pub(super) fn all(first: Pos, last: Pos) -> Self {
        let count = (last.0 + 1).saturating_sub(first.0);
        let mut bits = vec![u64::MAX; usize::try_from(count.div_ceil(64)).unwrap_or(0)];
        if let Some(end) = bits.last_mut()
            && !count.is_multiple_of(64)
        {
            *end = (1 << (count % 64)) - 1;
        }
        Self {
            first: first.0,
            bits,
        }
    }

    /// Keeps those that are among `listed`.
    pub(super) fn keep(&mut self, listed: impl Iterator<Item = u64>) {
        let mut mask = vec![0_u64; self.bits.len()];
        for pos in listed {
            let at = pos.wrapping_sub(self.first);
            let word = usize::try_from(at / 64)
                .ok()
                .and_then(|at| mask.get_mut(at));
            if let Some(word) = word {
                *word |= 1 << (at % 64);
            }
        }
        for (bits, mask) in self.bits.iter_mut().zip(mask) {
            *bits &= mask;
        }
    }

    /// Keeps those of a word, from the blocks of its segment in order.
    pub(super) fn keep_word(
        &mut self,
        word: &Word,
        mut blocks: impl FnMut(
            &mut dyn FnMut(&[u8]) -> Result<bool, StoreError>,
        ) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut listed = Vec::new();
        let after = self.first - 1;
        blocks(&mut |block| {
            let mut goes_on = true;
            each_entry(block, |known, list| {
                if fits(known, word) {
                    listed.extend(Positions::new(list, after));
                }
                goes_on = known < word.text.as_bytes() || (word.prefix && fits(known, word));
                Ok(goes_on)
            })?;
            Ok(goes_on)
        })?;
        self.keep(listed.into_iter());
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    pub(super) fn newest_first(&self) -> Vec<Pos> {
        let mut found = Vec::new();
        for (at, &bits) in self.bits.iter().enumerate().rev() {
            let at = at as u64;
            let mut bits = bits;
            while bits > 0 {
                let bit = 63 - u64::from(bits.leading_zeros());
                bits &= !(1 << bit);
                found.push(Pos(self.first + at * 64 + bit));
            }
        }
        found
    }
}

fn fits(known: &[u8], word: &Word) -> bool {
    match word.prefix {
        true => known.starts_with(word.text.as_bytes()),
        false => known == word.text.as_bytes(),
    }
}

fn damage() -> StoreError {
    StoreError::corrupt("a block of the index of words does not make sense")
}

fn put_entry(block: &mut Vec<u8>, last: &[u8], word: &[u8], list: &[u64], after: u64) {
    let common = last.iter().zip(word).take_while(|(a, b)| a == b).count();
    let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    block.push(byte(common));
    block.push(byte(word.len() - common));
    block.extend_from_slice(&word[common..]);
    let mut packed = Vec::with_capacity(list.len() * 2);
    let mut before = after;
    for &pos in list {
        put_number(&mut packed, pos - before - 1);
        before = pos;
    }
    put_number(block, packed.len() as u64);
    block.extend_from_slice(&packed);
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Calls `visit` for each word of a block with its list, until it says false.
fn each_entry(
    mut block: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut word = Vec::new();
    while let Some((entry, rest)) = split_entry(block) {
        if entry.common > word.len() {
            return Err(damage());
        }
        word.truncate(entry.common);
        word.extend_from_slice(entry.own);
        block = rest;
        if !visit(&word, entry.list)? {
            return Ok(());
        }
    }
    if block.is_empty() {
        Ok(())
    } else {
        Err(damage())
    }
}

/// An entry of a block, as it lies there.
struct RawEntry<'a> {
    common: usize,
    own: &'a [u8],
    list: &'a [u8],
}

/// The first entry of a block, and the entries after it.
fn split_entry(block: &[u8]) -> Option<(RawEntry<'_>, &[u8])> {
    let (&[common, own], rest) = block.split_first_chunk()?;
    let (own, mut rest) = rest.split_at_checked(usize::from(own))?;
    let bytes = usize::try_from(number(&mut rest)?).ok()?;
    let (list, rest) = rest.split_at_checked(bytes)?;
    let common = usize::from(common);
    Some((RawEntry { common, own, list }, rest))
}

/// The positions of a list.
struct Positions<'a> {
    list: &'a [u8],
    last: u64,
}

impl<'a> Positions<'a> {
    const fn new(list: &'a [u8], after: u64) -> Self {
        Self { list, last: after }
    }
}

impl Iterator for Positions<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let step = number(&mut self.list)?;
        self.last = self.last.checked_add(step)?.checked_add(1)?;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::{
        id::{Pos, hex},
        search::{Word, words},
    };

    use super::{Entry, Found, Words};

    fn of(after: u64, texts: &[&str]) -> Words {
        let mut all = Words::after(Pos(after));
        for text in texts {
            all.take(Entry {
                words: words(text),
                edits: None,
            });
        }
        all
    }

    fn word(text: &str, prefix: bool) -> Word {
        Word {
            prefix,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_segment_is_laid_out_as_ever() {
        let blocks = of(100, &["print", "printer", "x", "print 漢字"]).blocks();
        let blocks: Vec<_> = blocks
            .iter()
            .map(|(word, block)| (hex(word), hex(block)))
            .collect();
        let pinned = concat!(
            "00",
            "05",
            "7072696e74",
            "02",
            "0002",
            "05",
            "02",
            "6572",
            "01",
            "01",
            "00",
            "01",
            "78",
            "01",
            "02",
            "00",
            "03",
            "e5ad97",
            "01",
            "03",
            "00",
            "06",
            "e6bca2e5ad97",
            "01",
            "03",
        );
        assert_eq!(blocks, [(hex(b"print"), pinned.to_owned())]);
    }

    #[test]
    fn a_segment_gives_back_what_it_was_made_of() {
        let texts: Vec<String> = (0..2_000_u64)
            .map(|n| format!("w{} all {}", n % 300, n.wrapping_mul(0x9e37_79b9) % 5_000))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let made = of(41, &texts);
        let blocks = made.blocks();
        assert!(blocks.len() > 3, "{}", blocks.len());
        let mut back = Words::after(Pos(41));
        for (_, block) in &blocks {
            back.unpack(block).unwrap();
        }
        assert_eq!((&back.lists, back.postings), (&made.lists, made.postings));
        for wanted in [word("all", false), word("w29", true), word("w29", false)] {
            let mut found = Found::all(made.after.next(), made.upto);
            found
                .keep_word(&wanted, |visit| {
                    for (_, block) in &blocks {
                        if !visit(block)? {
                            break;
                        }
                    }
                    Ok(())
                })
                .unwrap();
            assert_eq!(found.newest_first(), made.find(&[wanted]));
        }
        assert_eq!(made.find(&[word("all", false)]).len(), 2_000);
        assert_eq!(made.find(&[word("w29", true)]).len(), 67);
    }

    #[test]
    fn all_words_are_wanted_and_forgotten_ones_are_gone() {
        let mut some = of(7, &["red apple", "green apple", "red car"]);
        let both = [word("apple", false), word("red", true)];
        assert_eq!(some.find(&both), [Pos(8)]);
        assert_eq!(some.find(&[word("red", false)]), [Pos(10), Pos(8)]);
        some.forget(&BTreeSet::from([8]));
        assert_eq!(some.find(&both), []);
        assert_eq!(some.find(&[word("apple", false)]), [Pos(9)]);
    }

    #[test]
    fn a_damaged_block_is_no_panic() {
        let (_, block) = of(0, &["print printer x 漢字", "print"]).blocks().remove(0);
        for cut in 0..block.len() {
            let mut back = Words::after(Pos(0));
            drop(back.unpack(&block[..cut]));
            let mut bent = block.clone();
            bent[cut] ^= 0xff;
            drop(back.unpack(&bent));
        }
    }
}
