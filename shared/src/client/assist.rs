//! Help of the hub for an agent who writes.

use super::{error::ClientError, http::Http};
use crate::api::{AssistAnswer, AssistRequest};

/// Asks for help. Never repeated by itself, since a model may have been paid for the first time.
///
/// # Errors
/// As [`Http::request`].
pub async fn ask(http: &Http, request: &AssistRequest) -> Result<AssistAnswer, ClientError> {
    http.post("/api/assist", request).await
}
