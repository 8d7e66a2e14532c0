//! The assistant of the sample desk: it gets every new chat, unless somebody said otherwise.

use shared::{
    assistant::{AssistantChange, AssistantSettings, FirstLine},
    client::{error::ClientError, http::Http},
};

use crate::assistant::Assistant;

const PATH: &str = "/api/assistant";

/// Puts the assistant first, when nobody has set it up in any way yet and it has something to
/// answer from.
pub(super) async fn put_first(owner: &Http, assistant: &Assistant) -> Result<(), ClientError> {
    assistant.ready().await;
    let settings: AssistantSettings = owner.get(PATH).await?;
    if settings.rev != 0 || assistant.knowledge().is_empty() {
        return Ok(());
    }
    let change = AssistantChange {
        first_line: Some(FirstLine::Always),
        ..AssistantChange::default()
    };
    let _: AssistantSettings = owner.put(PATH, &change).await?;
    Ok(())
}
