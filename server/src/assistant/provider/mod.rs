//! Language models elsewhere: one thin client that speaks OpenAI's chat completions and Gemini.
//!
//! Nothing here exists without an [`Endpoint`], and an endpoint comes from the hub's own
//! configuration alone: no provider, no socket. What is asked and whether an answer is taken is
//! decided elsewhere; texts and keys are in no log, error or debug output.

mod endpoint;
mod exchange;
mod key;

pub use self::{
    endpoint::{Endpoint, EndpointError, Kind},
    exchange::{Fail, Reply, Request, Role, Turn, Usage},
    key::{Key, KeyError},
};
