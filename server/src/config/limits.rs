//! The settings under `[limits]`: how much of anything one client may take.
//!
//! Deliberately absent: the sizes of messages, frames and bodies, which are the wire's and told to
//! clients.

use std::time::Duration;

use serde::Deserialize;

/// What 0 makes of a wait: longer than any connection lives.
const FOR_EVER: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Limits against too much of anything, per second or minute as named; 0 turns one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address; loopback is exempt.
    pub connections_per_ip: usize,
    /// Of these, connections that have shown no valid token yet.
    pub unauthenticated_per_ip: usize,
    /// Whether clients on this machine are spared every limit that counts by address.
    pub exempt_loopback: bool,
    /// Longest wait for the header of a request, in milliseconds.
    pub header_ms: u64,
    /// Longest request line and headers together, in bytes.
    pub header_bytes: usize,
    /// Most header lines of a request.
    pub header_lines: usize,
    /// Longest TLS handshake, in milliseconds.
    pub tls_handshake_ms: u64,
    /// Longest wait for each 64 KiB of a request's body, and for a reader who takes nothing, in
    /// milliseconds.
    pub body_ms: u64,
    /// Longest wait for the first frame of a WebSocket, in milliseconds.
    pub hello_ms: u64,
    /// Commands of a customer per second.
    pub customer_per_second: u32,
    /// Commands of a customer at once.
    pub customer_burst: u32,
    /// Commands of a member of staff per second.
    pub staff_per_second: u32,
    /// Commands of a member of staff at once.
    pub staff_burst: u32,
    /// Chats opened without an account from one address per minute; loopback is exempt.
    pub open_per_minute: u32,
    /// MiB of all files in chats together.
    pub attachments_mib: u64,
    /// MiB of files that customers at one address send in an hour.
    pub attachments_mib_per_ip: u64,
}

impl Limits {
    /// Bytes of all files in chats together.
    #[must_use]
    pub const fn attachment_bytes(&self) -> u64 {
        match self.attachments_mib {
            0 => u64::MAX,
            mib => mib.saturating_mul(1024 * 1024),
        }
    }

    /// A wait of so many milliseconds; 0 is no limit.
    #[must_use]
    pub const fn wait(ms: u64) -> Duration {
        match ms {
            0 => FOR_EVER,
            ms => Duration::from_millis(ms),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_ip: 64,
            unauthenticated_per_ip: 16,
            exempt_loopback: true,
            header_ms: 5_000,
            header_bytes: 16 * 1024,
            header_lines: 64,
            tls_handshake_ms: 5_000,
            body_ms: 10_000,
            hello_ms: 5_000,
            customer_per_second: 20,
            customer_burst: 500,
            staff_per_second: 50,
            staff_burst: 1_000,
            open_per_minute: 5,
            attachments_mib: 1024,
            attachments_mib_per_ip: 100,
        }
    }
}
