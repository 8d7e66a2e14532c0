//! The stored form of a record: its row of bytes, its place in the hash chain, its frame.
//!
//! A record is encoded once. The stored body is its event frame without the cursor; the frame is
//! the body, the cursor and a brace. The row is laid out here and pinned by a golden file:
//!
//! ```text
//! row    = header | hash (32) | nonce (16) | body (to the end)
//! header = layout (1, u8) | flags (u16) | pos (u64) | at (i64, ms)
//!        | chat (u64)? | seq (u64)? | actor kind (u8) | actor id (u64)?
//!        | kind length (u8), kind | audience (u8) | customer (u64)? | department (u64)? | left (u64)?
//!        | [ principal (u64) | fingerprint (16) | cid length (u8), cid | answer seq (u64)? ]?
//!        | digest (32)
//! digest = SHA-256(nonce | body)          hash = SHA-256(hash of the record before | header)
//! ```
//!
//! Numbers are big-endian; what is marked `?` is there when its flag is. Everything but the
//! words of a record is in its header, so the chain covers who may see it and which command made
//! it, and still verifies when redaction has taken nonce and body away. Names are only in the
//! body. Who may see a record is decided elsewhere.

use std::{borrow::Cow, fmt, io::Write as _};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::{
    event::Event,
    id::{ChatId, CommandId, Cursor, DepartmentId, Pos, Seq, UserId, hex},
    model::{Actor, ActorKind},
    record::Record,
    text::SafeText,
    time::Timestamp,
};

use super::error::StoreError;
use crate::desk::visibility::{Audience, Scope};

/// The first byte of every row of this layout.
const LAYOUT: u8 = 1;
/// Flags that this layout gives a meaning.
const KNOWN_FLAGS: u16 = 0xff;
/// What every body begins with; the record's own JSON follows without its first brace.
const FRAME_HEAD: &[u8] = br#"{"type":"event","#;
/// Bytes of a hash that a cursor shows: enough to tell two histories apart.
const CURSOR_HASH_BYTES: usize = 8;
/// Longest cursor: lineage, position and the shown bytes of the hash, with dots between.
const CURSOR_BYTES_MAX: usize = 16 + 1 + 20 + 1 + 2 * CURSOR_HASH_BYTES;

/// SHA-256 over a record and everything before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Before the first record.
    pub const START: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which life of which store: random, made with it, and made anew by every restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lineage(pub [u8; 8]);

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which command a record ends: stored with the last record of the command, so that the answer
/// to a repeated command is kept in the same transaction as its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The user who sent it; 0 for nobody known.
    pub principal: u64,
    /// The name the client gave it.
    pub cid: CommandId,
    /// Tells another command under the same name: of the command's body.
    pub fingerprint: [u8; 16],
    /// The seq that the answer named, if any.
    pub seq: Option<Seq>,
}

/// The actor of a record without its name: what remains after redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorTag {
    /// What kind of actor.
    pub kind: ActorKind,
    /// The user, for agents and customers.
    pub id: Option<UserId>,
}

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the log.
    pub pos: Pos,
    /// The chat it belongs to.
    pub chat: Option<ChatId>,
    /// Its place in that chat.
    pub seq: Option<Seq>,
    /// When the hub took it.
    pub at: Timestamp,
    /// Who did it, without the name.
    pub actor: ActorTag,
    /// The kind of its event, as [`Event::kind`] names it.
    pub kind: Cow<'static, str>,
    /// Who may see it.
    pub scope: Scope,
    /// The command it ends.
    pub mark: Option<Mark>,
    /// Random, so that the digest does not give away a short body; all zero says that the words
    /// were erased.
    pub nonce: [u8; 16],
    /// SHA-256 of nonce and body, kept by redaction.
    pub digest: [u8; 32],
    /// Of this record and all before it.
    pub hash: Hash,
    /// The event frame without cursor and closing brace; after redaction that of the tombstone,
    /// or empty in files of the first version.
    pub body: Bytes,
}

impl StoredRecord {
    /// Encodes `record` and chains it to the record before it, whose hash is `prev`. `nonce` is
    /// 128 fresh random bits.
    ///
    /// # Panics
    /// When the kind of the event has more than 255 bytes, which none has.
    #[must_use]
    pub fn chain(
        prev: &Hash,
        record: &Record,
        scope: Scope,
        mark: Option<Mark>,
        nonce: [u8; 16],
    ) -> Self {
        let body = encode_body(record);
        let mut stored = Self {
            pos: record.pos,
            chat: record.chat,
            seq: record.seq,
            at: record.at,
            actor: ActorTag {
                kind: record.actor.kind,
                id: record.actor.id,
            },
            kind: Cow::Borrowed(record.event.kind()),
            scope,
            mark,
            nonce,
            digest: digest(&nonce, &body),
            hash: Hash::START,
            body,
        };
        stored.hash = link(prev, &stored.header());
        stored
    }

    /// The cursor that resumes after this record.
    #[must_use]
    pub fn cursor(&self, lineage: Lineage) -> Cursor {
        cursor(lineage, self.pos, &self.hash)
    }

    /// The event frame as sockets, pages and the tail give it out. An erased record is a
    /// tombstone: its event without anybody's words.
    #[must_use]
    pub fn frame(&self, lineage: Lineage) -> Bytes {
        let mut frame = Vec::with_capacity(self.body.len() + CURSOR_BYTES_MAX + 13);
        self.write_frame(lineage, &mut frame);
        Bytes::from(frame)
    }

    /// Appends the same to `frame`.
    pub(crate) fn write_frame(&self, lineage: Lineage, frame: &mut Vec<u8>) {
        if self.body.is_empty() {
            frame.extend_from_slice(&self.tombstone_body());
        } else {
            frame.extend_from_slice(&self.body);
        }
        frame.extend_from_slice(br#","cursor":""#);
        put_cursor(frame, lineage, self.pos, &self.hash);
        frame.extend_from_slice(br#""}"#);
    }

    /// The record itself. An erased record has everything but words; one without any body keeps
    /// its place and its actor's number and is an [`Event::Unknown`] by nobody named.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the body is not what the header says, and for an event that
    /// this version does not know: it is never skipped silently.
    pub fn record(&self) -> Result<Record, StoreError> {
        if self.body.is_empty() {
            return Ok(self.tombstone());
        }
        let mut json = Vec::with_capacity(self.body.len() + 1);
        json.extend_from_slice(&self.body);
        json.push(b'}');
        let record: Record = serde_json::from_slice(&json).map_err(|error| {
            StoreError::corrupt(format!("record {} cannot be read: {error}", self.pos))
        })?;
        if record.event == Event::Unknown {
            return Err(StoreError::corrupt(format!(
                "record {} is a {:?}, which this version does not know",
                self.pos, self.kind
            )));
        }
        let same = record.pos == self.pos
            && record.chat == self.chat
            && record.seq == self.seq
            && record.at == self.at
            && record.actor.kind == self.actor.kind
            && record.actor.id == self.actor.id
            && record.event.kind() == self.kind;
        if same {
            Ok(record)
        } else {
            Err(StoreError::corrupt(format!(
                "record {} differs from its header",
                self.pos
            )))
        }
    }

    /// Its words were erased.
    #[must_use]
    pub fn is_redacted(&self) -> bool {
        self.nonce == [0; 16] || self.body.is_empty()
    }

    /// Whether this record is whole and follows the record whose hash is `prev`.
    #[must_use]
    pub fn verifies(&self, prev: &Hash) -> bool {
        self.links(prev) && (self.is_redacted() || self.digest == digest(&self.nonce, &self.body))
    }

    /// Whether it follows the record whose hash is `prev`; its words are not looked at.
    pub(super) fn links(&self, prev: &Hash) -> bool {
        self.hash == link(prev, &self.header())
    }

    /// Takes the words away and leaves everything that the chain needs. Idempotent.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub(super) fn redact(&mut self) -> Result<(), StoreError> {
        if !self.is_redacted() {
            self.body = encode_body(&self.record()?.erased());
            self.nonce = [0; 16];
        }
        Ok(())
    }

    fn tombstone(&self) -> Record {
        Record {
            pos: self.pos,
            at: self.at,
            chat: self.chat,
            seq: self.seq,
            actor: Actor {
                kind: self.actor.kind,
                id: self.actor.id,
                name: SafeText::line("erased"),
                rule: None,
            },
            event: Event::Unknown,
        }
    }

    /// Readers that do not know the event `erased` skip it and move on.
    fn tombstone_body(&self) -> Bytes {
        let known = encode_body(&self.tombstone());
        let json = String::from_utf8_lossy(&known);
        Bytes::from(json.replace(r#"{"type":"unknown"}"#, r#"{"type":"erased"}"#))
    }

    /// The row of the log.
    #[must_use]
    pub fn to_row(&self) -> Vec<u8> {
        let mut row = self.header();
        row.reserve_exact(48 + self.body.len());
        row.extend_from_slice(&self.hash.0);
        row.extend_from_slice(&self.nonce);
        row.extend_from_slice(&self.body);
        row
    }

    fn header(&self) -> Vec<u8> {
        let mark_seq = self.mark.as_ref().and_then(|mark| mark.seq);
        let numbers = [
            self.chat.map(|id| id.0),
            self.seq.map(|seq| seq.0),
            self.actor.id.map(|id| id.0),
            self.scope.customer.map(|id| id.0),
            self.scope.department.map(|id| id.0),
            self.scope.left.map(|id| id.0),
            self.mark.as_ref().map(|mark| mark.principal),
            mark_seq.map(|seq| seq.0),
        ];
        let flags = (0_u16..)
            .zip(&numbers)
            .filter(|(_, number)| number.is_some())
            .fold(0_u16, |flags, (bit, _)| flags | 1 << bit);
        let [
            chat,
            seq,
            actor,
            customer,
            department,
            left,
            principal,
            answer,
        ] = numbers;

        let mut out = Vec::with_capacity(256 + self.body.len() + 48);
        out.push(LAYOUT);
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&self.pos.0.to_be_bytes());
        out.extend_from_slice(&self.at.as_ms().to_be_bytes());
        put_number(&mut out, chat);
        put_number(&mut out, seq);
        out.push(actor_code(self.actor.kind));
        put_number(&mut out, actor);
        put_short(&mut out, &self.kind);
        out.push(audience_code(self.scope.audience));
        put_number(&mut out, customer);
        put_number(&mut out, department);
        put_number(&mut out, left);
        if let Some(mark) = &self.mark {
            put_number(&mut out, principal);
            out.extend_from_slice(&mark.fingerprint);
            put_short(&mut out, mark.cid.as_str());
            put_number(&mut out, answer);
        }
        out.extend_from_slice(&self.digest);
        out
    }

    /// Reads a row of the log.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not one.
    pub fn from_row(row: &[u8]) -> Result<Self, StoreError> {
        parse_row(row).ok_or_else(|| StoreError::corrupt("a row of the log is not a record"))
    }
}

/// The cursor that resumes after the record at `pos` whose hash is `hash`.
#[must_use]
pub fn cursor(lineage: Lineage, pos: Pos, hash: &Hash) -> Cursor {
    let mut text = Vec::with_capacity(CURSOR_BYTES_MAX);
    put_cursor(&mut text, lineage, pos, hash);
    let text = String::from_utf8_lossy(&text);
    Cursor::parse(&text).expect("hexadecimal digits and dots are a cursor")
}

/// Writes a cursor without a piece of memory for each of its parts: every record has one.
fn put_cursor(out: &mut Vec<u8>, lineage: Lineage, pos: Pos, hash: &Hash) {
    put_hex(out, &lineage.0);
    write!(out, ".{}.", pos.0).expect("memory takes what is written");
    put_hex(out, &hash.0[..CURSOR_HASH_BYTES]);
}

fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        let digits = [byte >> 4, byte & 0x0f].map(|digit| DIGITS[usize::from(digit)]);
        out.extend_from_slice(&digits);
    }
}

/// The parts of a cursor: lineage, position and the shown bytes of the hash, as text.
pub(super) fn cursor_parts(cursor: &Cursor) -> Option<(&str, Pos, &str)> {
    let mut parts = cursor.as_str().split('.');
    let (lineage, pos, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = pos.len() <= 20 && pos.bytes().all(|byte| byte.is_ascii_digit());
    let whole = lineage.len() == 16 && hash.len() == 2 * CURSOR_HASH_BYTES && digits;
    (whole && parts.next().is_none()).then_some(())?;
    Some((lineage, Pos(pos.parse().ok()?), hash))
}

/// Whether `shown`, from a cursor, is of `hash`.
pub(super) fn shows(shown: &str, hash: &Hash) -> bool {
    shown == hex(&hash.0[..CURSOR_HASH_BYTES])
}

fn encode_body(record: &Record) -> Bytes {
    let mut json = Vec::with_capacity(384);
    json.extend_from_slice(FRAME_HEAD);
    serde_json::to_writer(&mut json, record).expect("a record is always JSON");
    // The record's own braces: the first is one byte after the comma, the last is the last byte.
    json.remove(FRAME_HEAD.len());
    json.pop();
    Bytes::from(json)
}

fn digest(nonce: &[u8; 16], body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(nonce)
        .chain_update(body)
        .finalize()
        .into()
}

fn link(prev: &Hash, header: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update(prev.0)
            .chain_update(header)
            .finalize()
            .into(),
    )
}

fn put_number(out: &mut Vec<u8>, number: Option<u64>) {
    if let Some(number) = number {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn put_short(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).expect("kinds and cids have less than 256 bytes"));
    out.extend_from_slice(text.as_bytes());
}

const fn actor_code(kind: ActorKind) -> u8 {
    match kind {
        ActorKind::Agent => 1,
        ActorKind::Customer => 2,
        ActorKind::Assistant => 3,
        ActorKind::System => 4,
    }
}

const fn actor_kind(code: u8) -> Option<ActorKind> {
    match code {
        1 => Some(ActorKind::Agent),
        2 => Some(ActorKind::Customer),
        3 => Some(ActorKind::Assistant),
        4 => Some(ActorKind::System),
        _ => None,
    }
}

const fn audience_code(audience: Audience) -> u8 {
    match audience {
        Audience::Public => 1,
        Audience::Staff => 2,
        Audience::Admins => 3,
        Audience::Person => 4,
    }
}

const fn audience(code: u8) -> Option<Audience> {
    match code {
        1 => Some(Audience::Public),
        2 => Some(Audience::Staff),
        3 => Some(Audience::Admins),
        4 => Some(Audience::Person),
        _ => None,
    }
}

/// Takes fields off the front of a row; `None` when the row ends too soon.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number when its flag is set; `None` outside when the row ends too soon.
    fn flagged(&mut self, flags: u16, bit: u16) -> Option<Option<u64>> {
        if flags & 1 << bit == 0 {
            Some(None)
        } else {
            self.number().map(Some)
        }
    }

    fn short(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(head).ok()
    }
}

fn parse_row(row: &[u8]) -> Option<StoredRecord> {
    let mut fields = Fields(row);
    (fields.byte()? == LAYOUT).then_some(())?;
    let flags = u16::from_be_bytes(fields.array()?);
    (flags & !KNOWN_FLAGS == 0).then_some(())?;
    let pos = Pos(fields.number()?);
    let ms = i64::from_be_bytes(fields.array()?);
    let at = Timestamp::from_ms(ms);
    // What is cut to fit was never written.
    (at.as_ms() == ms).then_some(())?;
    let chat = fields.flagged(flags, 0)?.map(ChatId);
    let seq = fields.flagged(flags, 1)?.map(Seq);
    let actor = ActorTag {
        kind: actor_kind(fields.byte()?)?,
        id: fields.flagged(flags, 2)?.map(UserId),
    };
    let kind = fields.short()?.to_owned();
    let scope = Scope {
        audience: audience(fields.byte()?)?,
        customer: fields.flagged(flags, 3)?.map(UserId),
        department: fields.flagged(flags, 4)?.map(DepartmentId),
        left: fields.flagged(flags, 5)?.map(DepartmentId),
    };
    let mark = match fields.flagged(flags, 6)? {
        None => None,
        Some(principal) => Some(Mark {
            principal,
            fingerprint: fields.array()?,
            cid: CommandId::parse(fields.short()?).ok()?,
            seq: fields.flagged(flags, 7)?.map(Seq),
        }),
    };
    Some(StoredRecord {
        pos,
        chat,
        seq,
        at,
        actor,
        kind: Cow::Owned(kind),
        scope,
        mark,
        digest: fields.array()?,
        hash: Hash(fields.array()?),
        nonce: fields.array()?,
        body: Bytes::copy_from_slice(fields.0),
    })
}
