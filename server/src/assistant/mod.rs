//! The assistant: the first line that answers by itself, offline, and knows when it does not
//! know.
//!
//! What a chat is and who has it is decided by the desk; here is what the assistant says.
//! Nothing leaves the process unless a model is configured.

pub mod acts;
pub mod classifier;
pub mod eval;
pub mod knowledge;
pub mod provider;
pub mod redact;
