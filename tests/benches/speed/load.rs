//! The load generator: pairs of sockets in one thread, which sends, waits and checks.
//!
//! A message has a number in its text and in its command id. The sender must hear that each was
//! done, and each receiver must get each, once and in order: anything else is a fault, and a run
//! with a fault is not a figure. Frames are patched templates and are looked at only as far as
//! that takes, so that a message costs this side little more than its system calls.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

use crate::{Fallible, frame, greet::Greeted};

/// Most messages of one pair on their way; the hub stops reading beyond it.
pub(crate) const WINDOW_MAX: usize = 32;
/// Longest wait for what is still on its way when a run ends.
const DRAIN_MAX: Duration = Duration::from_secs(20);
const READ_BYTES: usize = 256 * 1024;
const NUMBER_DIGITS: usize = 10;
/// Bytes of the text of a message.
const TEXT_BYTES: usize = 200;

/// Before the number in a command id, which a relay hands back and a hub answers with.
const DONE: &[u8] = br#"{"type":"done","cid":"b"#;
const RELAYED: &[u8] = br#"{"type":"do","cid":"b"#;
const TEXT_MARK: &[u8] = br#""text":"m"#;

/// When the sender of a pair sends the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// When an earlier one is stored.
    Stored,
    /// When an earlier one has reached all receivers too.
    Received,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Messages stored between the first and the last look.
    pub(crate) stored: u64,
    /// Messages that reached a receiver in that time.
    pub(crate) delivered: u64,
    /// From send to done, sorted, in nanoseconds.
    pub(crate) stored_after: Vec<u32>,
    /// From send to the other side.
    pub(crate) delivered_after: Vec<u32>,
}

struct Socket {
    stream: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    pair: usize,
    /// For a receiver, the number it must get next.
    expects: Option<u64>,
}

struct Pair {
    chat: u64,
    sender: usize,
    receivers: usize,
    template: Vec<u8>,
    cid_at: usize,
    text_at: usize,
    /// The number of the next message, from 0.
    next: u64,
    done: u64,
    /// Receivers that have the messages from `received` on.
    received: u64,
    have: VecDeque<usize>,
    /// When the messages from `sent_from` on were sent.
    sent: VecDeque<Instant>,
    sent_from: u64,
}

/// All sockets of one load.
pub(crate) struct Fleet {
    epoll: OwnedFd,
    sockets: Vec<Socket>,
    pairs: Vec<Pair>,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
    faults: Vec<String>,
    run: Run,
    measuring: bool,
    /// The hub is gone: sockets end, and that is no fault.
    ending: bool,
    ended: usize,
}

impl Fleet {
    pub(crate) fn new() -> Fallible<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            sockets: Vec::new(),
            pairs: Vec::new(),
            buffer: vec![0; READ_BYTES],
            events: Vec::with_capacity(1_024),
            faults: Vec::new(),
            run: Run::default(),
            measuring: false,
            ending: false,
            ended: 0,
        })
    }

    /// Adds a pair that talks in `chat`; gives its number.
    pub(crate) fn pair(
        &mut self,
        chat: u64,
        sender: Greeted,
        receivers: Vec<Greeted>,
    ) -> Fallible<usize> {
        let pair = self.pairs.len();
        let cid = format!("b{:0NUMBER_DIGITS$}-{pair:08}-{chat:08}", 0);
        let mut text = format!("m{:0NUMBER_DIGITS$} of pair {pair}: ", 0);
        while text.len() < TEXT_BYTES {
            text.push_str("my parcel has not come yet ");
        }
        text.truncate(TEXT_BYTES);
        let frame = format!(
            r#"{{"type":"do","cid":"{cid}","command":{{"type":"post_message","chat":{chat},"text":"{text}","visibility":"public"}}}}"#
        );
        let template = frame::encode(frame::TEXT, frame.as_bytes());
        let place = |mark: &[u8]| {
            let at = find(&template, mark).expect("the template has its own marks");
            at + mark.len()
        };
        let (cid_at, text_at) = (place(RELAYED), place(TEXT_MARK));
        let count = receivers.len();
        let sender = self.add(sender, pair, None)?;
        for receiver in receivers {
            self.add(receiver, pair, Some(0))?;
        }
        self.pairs.push(Pair {
            chat,
            sender,
            receivers: count,
            template,
            cid_at,
            text_at,
            next: 0,
            done: 0,
            received: 0,
            have: VecDeque::new(),
            sent: VecDeque::new(),
            sent_from: 0,
        });
        Ok(pair)
    }

    /// Adds a socket that only has to be there.
    pub(crate) fn idle(&mut self, socket: Greeted) -> Fallible<()> {
        self.add(socket, usize::MAX, None)?;
        Ok(())
    }

    fn add(&mut self, greeted: Greeted, pair: usize, expects: Option<u64>) -> Fallible<usize> {
        let number = self.sockets.len();
        greeted.stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &greeted.stream, data, epoll::EventFlags::IN)?;
        self.sockets.push(Socket {
            stream: greeted.stream,
            inbox: greeted.rest,
            outbox: Vec::new(),
            pair,
            expects,
        });
        Ok(number)
    }

    /// Keeps `window` messages of each of the first `pairs` on their way for `time`, and counts
    /// from when `began` is called, after the start, to when it is asked for its `ended`.
    pub(crate) fn closed<T>(
        &mut self,
        pairs: usize,
        window: usize,
        after: After,
        time: Duration,
        began: impl FnOnce() -> T,
    ) -> Fallible<(Run, T, Instant)> {
        let warm = time.mul_f64(0.15);
        for pair in 0..pairs {
            for _ in 0..window {
                self.send(pair)?;
            }
        }
        let start = Instant::now();
        self.spin(start + warm, pairs, window, after)?;
        let seen = began();
        self.begin();
        self.spin(Instant::now() + time, pairs, window, after)?;
        let run = self.end();
        let ended = Instant::now();
        Ok((run, seen, ended))
    }

    /// Keeps messages on their way for `time` and leaves them there.
    pub(crate) fn flood(&mut self, pairs: usize, window: usize, time: Duration) -> Fallible<()> {
        for pair in 0..pairs {
            for _ in 0..window {
                self.send(pair)?;
            }
        }
        self.spin(Instant::now() + time, pairs, window, After::Stored)
    }

    /// Takes what a hub that is gone has still said, until every socket has ended.
    pub(crate) fn hear_the_rest(&mut self) -> Fallible<()> {
        self.ending = true;
        let end = Instant::now() + DRAIN_MAX;
        while self.ended < self.sockets.len() && Instant::now() < end {
            self.poll(Duration::from_millis(50), |_, _| Ok(()))?;
        }
        self.check()
    }

    /// Each chat with how many of its messages were acknowledged.
    pub(crate) fn done(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.pairs.iter().map(|pair| (pair.chat, pair.done))
    }

    /// Sends `rate` messages a second, the pairs by turns, for `time`.
    pub(crate) fn paced(&mut self, pairs: usize, rate: u32, time: Duration) -> Fallible<Run> {
        let gap = Duration::from_secs(1) / rate;
        let start = Instant::now();
        let warm = start + time.mul_f64(0.1);
        let end = warm + time;
        let mut due = start;
        let mut turn = 0;
        loop {
            let now = Instant::now();
            if now >= end {
                break;
            }
            if !self.measuring && now >= warm {
                self.begin();
            }
            while due <= now {
                let behind = self.pairs[turn].next - self.pairs[turn].done;
                if behind < WINDOW_MAX as u64 {
                    self.send(turn)?;
                }
                turn = (turn + 1) % pairs;
                due += gap;
            }
            self.poll(due.saturating_duration_since(Instant::now()), |_, _| Ok(()))?;
        }
        let run = self.end();
        self.drain()?;
        Ok(run)
    }

    /// Takes what is there, and answers pings.
    pub(crate) fn tend(&mut self) -> Fallible<()> {
        self.poll(Duration::ZERO, |_, _| Ok(()))
    }

    /// Takes what comes for `time`, and answers pings.
    pub(crate) fn rest(&mut self, time: Duration) -> Fallible<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            self.poll(left, |_, _| Ok(()))?;
        }
        Ok(())
    }

    /// Waits until everything that was sent is stored and received, and fails on any fault.
    pub(crate) fn drain(&mut self) -> Fallible<()> {
        let end = Instant::now() + DRAIN_MAX;
        let settled = |pair: &Pair| {
            pair.done == pair.next && (pair.receivers == 0 || pair.received == pair.next)
        };
        while self.faults.is_empty() && !self.pairs.iter().all(settled) {
            if Instant::now() > end {
                let late = self.pairs.iter().filter(|pair| !settled(pair)).count();
                return Err(format!("{late} pairs still miss messages after {DRAIN_MAX:?}").into());
            }
            self.poll(Duration::from_millis(50), |_, _| Ok(()))?;
        }
        // One that came twice would come now.
        self.rest(Duration::from_millis(20))?;
        self.check()
    }

    fn check(&self) -> Fallible<()> {
        match self.faults.first() {
            None => Ok(()),
            Some(first) => Err(format!("{} faults, the first: {first}", self.faults.len()).into()),
        }
    }

    /// Messages sent since the beginning, each stored and received once.
    pub(crate) fn sent(&self) -> u64 {
        self.pairs.iter().map(|pair| pair.next).sum()
    }

    fn begin(&mut self) {
        self.run = Run::default();
        self.measuring = true;
    }

    fn end(&mut self) -> Run {
        self.measuring = false;
        let mut run = std::mem::take(&mut self.run);
        run.stored_after.sort_unstable();
        run.delivered_after.sort_unstable();
        run
    }

    fn spin(&mut self, end: Instant, pairs: usize, window: usize, after: After) -> Fallible<()> {
        while Instant::now() < end && self.faults.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            self.poll(left, |fleet, pair| {
                if pair >= pairs {
                    return Ok(());
                }
                let state = &fleet.pairs[pair];
                let past = match after {
                    After::Stored => state.done,
                    After::Received => state.done.min(state.received),
                };
                let free = (past + window as u64).saturating_sub(state.next);
                for _ in 0..free {
                    fleet.send(pair)?;
                }
                Ok(())
            })?;
        }
        self.check()
    }

    fn send(&mut self, number: usize) -> Fallible<()> {
        let pair = &mut self.pairs[number];
        for at in [pair.cid_at, pair.text_at] {
            let mut rest = pair.next;
            for digit in pair.template[at..at + NUMBER_DIGITS].iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).expect("a digit");
                rest /= 10;
            }
        }
        pair.next += 1;
        pair.sent.push_back(Instant::now());
        self.sockets[pair.sender].write(&pair.template)
    }

    /// Waits for sockets to become readable, takes what they have, and tells of each pair that
    /// something was stored or received.
    fn poll(
        &mut self,
        wait: Duration,
        mut moved: impl FnMut(&mut Self, usize) -> Fallible<()>,
    ) -> Fallible<()> {
        let wait = Timespec::try_from(wait)?;
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let number = usize::try_from(event.data.u64())?;
            self.take(number)?;
            let pair = self.sockets[number].pair;
            if pair != usize::MAX {
                moved(self, pair)?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn take(&mut self, number: usize) -> Fallible<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let socket = &mut self.sockets[number];
        let read = match socket.stream.read(&mut buffer) {
            Ok(0) => Err("the hub closed a socket".into()),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        };
        let read = match read {
            Ok(count) => count,
            Err(error) => {
                self.buffer = buffer;
                if !self.ending {
                    return Err(error);
                }
                self.ended += 1;
                epoll::delete(&self.epoll, &socket.stream)?;
                return Ok(());
            }
        };
        let mut inbox = std::mem::take(&mut socket.inbox);
        if inbox.is_empty() {
            let used = self.digest(number, &buffer[..read])?;
            inbox.extend_from_slice(&buffer[used..read]);
        } else {
            inbox.extend_from_slice(&buffer[..read]);
            let used = self.digest(number, &inbox)?;
            inbox.drain(..used);
        }
        self.sockets[number].inbox = inbox;
        self.buffer = buffer;
        Ok(())
    }

    /// Takes whole frames off the front of `bytes`; how many bytes they had.
    fn digest(&mut self, number: usize, bytes: &[u8]) -> Fallible<usize> {
        let now = Instant::now();
        let mut used = 0;
        while let Some((kind, payload, length)) = frame::decode(&bytes[used..]) {
            match kind {
                frame::TEXT => self.hear(number, payload, now),
                frame::PING => {
                    let pong = frame::encode(frame::PONG, payload);
                    self.sockets[number].write(&pong)?;
                }
                frame::CLOSE => self.faults.push("the hub said goodbye".to_owned()),
                _ => {}
            }
            used += length;
        }
        Ok(used)
    }

    fn hear(&mut self, number: usize, payload: &[u8], now: Instant) {
        let socket = &mut self.sockets[number];
        let Some(pair) = self.pairs.get_mut(socket.pair) else {
            return;
        };
        if let Some(expected) = &mut socket.expects {
            let Some(at) = find(payload, TEXT_MARK) else {
                return;
            };
            let got = digits(&payload[at + TEXT_MARK.len()..]);
            if got != Some(*expected) {
                let fault = format!("a receiver got message {got:?} instead of {expected}");
                self.faults.push(fault);
                return;
            }
            let index = *expected - pair.received;
            *expected += 1;
            if self.measuring {
                self.run.delivered += 1;
                if let Some(sent) = pair.sent_at(index + pair.received) {
                    self.run.delivered_after.push(nanos(now - sent));
                }
            }
            pair.receive(usize::try_from(index).unwrap_or(usize::MAX));
        } else if let Some(rest) = payload
            .strip_prefix(DONE)
            .or_else(|| payload.strip_prefix(RELAYED))
        {
            let got = digits(rest);
            if got != Some(pair.done) {
                let fault = format!("{got:?} was done, but not {} before", pair.done);
                self.faults.push(fault);
                return;
            }
            if self.measuring {
                self.run.stored += 1;
                if let Some(sent) = pair.sent_at(pair.done) {
                    self.run.stored_after.push(nanos(now - sent));
                }
            }
            pair.done += 1;
            pair.forget();
        } else if [
            &br#"{"type":"nack""#[..],
            br#"{"type":"bye""#,
            br#"{"type":"resync""#,
        ]
        .iter()
        .any(|start| payload.starts_with(start))
        {
            self.faults
                .push(String::from_utf8_lossy(payload).into_owned());
        }
    }
}

impl Pair {
    fn sent_at(&self, number: u64) -> Option<Instant> {
        let index = number.checked_sub(self.sent_from)?;
        self.sent.get(usize::try_from(index).ok()?).copied()
    }

    /// One more receiver has the message `index` places after the last that all have.
    fn receive(&mut self, index: usize) {
        while self.have.len() <= index {
            self.have.push_back(0);
        }
        self.have[index] += 1;
        while self.have.front() == Some(&self.receivers) {
            self.have.pop_front();
            self.received += 1;
        }
        self.forget();
    }

    /// Lets go of the times of messages that are stored and received.
    fn forget(&mut self) {
        let past = if self.receivers == 0 {
            self.done
        } else {
            self.done.min(self.received)
        };
        while self.sent_from < past {
            self.sent.pop_front();
            self.sent_from += 1;
        }
    }
}

impl Socket {
    fn write(&mut self, bytes: &[u8]) -> Fallible<()> {
        self.outbox.extend_from_slice(bytes);
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) => {
                    self.outbox.drain(..count);
                }
                // The rest goes with the next message; a window is far smaller than a buffer.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

pub(crate) fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = mark.first()?;
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|byte| byte == first) {
        let at = from + found;
        if bytes[at..].starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// The number of a message, from its text.
pub(crate) fn number_of(text: &str) -> Option<u64> {
    digits(text.strip_prefix('m')?.as_bytes())
}

fn digits(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes.get(..NUMBER_DIGITS)?).ok()?;
    text.parse().ok()
}

fn nanos(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}
