//! Finding what was said.

use shared::{
    api::SearchPage,
    id::Pos,
    search::{QUERY_BYTES_MAX, Query},
};

use super::{accounts::departments, users::department_ref};
use crate::{
    desk::permission::Action,
    http::{
        call::Call,
        errors::Failure,
        query::{AFTER, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
        search::search,
    },
};

const Q: Param = Param::new(
    "q",
    Kind::Text,
    "Words, all of which must be in one message, in any case; a word is found where a word begins \
     with it. A \"phrase\" in double quotes must be there as it is.",
);
const DEPARTMENT: Param = Param::new(
    "department",
    Kind::Text,
    "Only chats that are in this department now, by number or name.",
);

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/api/search",
    "search",
    Bearer(Action::Search),
    |call| Box::pin(find(call)),
    "Finds messages and customers by their words in every chat in sight, newest first.",
)
.query(&[Q, DEPARTMENT, AFTER, LIMIT])
.gives::<SearchPage>(200)];

async fn find(call: Call) -> Answer {
    let raw = call.query.text(Q.name).unwrap_or_default();
    if raw.len() > QUERY_BYTES_MAX {
        return Err(Failure::invalid(format!(
            "q has more than {QUERY_BYTES_MAX} bytes; look for fewer words"
        )));
    }
    let query = Query::parse(raw).ok_or_else(|| {
        Failure::invalid("q has no word to look for; give at least one letter or digit")
    })?;
    let limit = call.query.limit()?;
    let before = call.query.text(AFTER.name).map(place).transpose()?;
    call.count()?;
    let only = match call.query.text(DEPARTMENT.name) {
        None => None,
        Some(text) => departments(&call, &[department_ref(text)])
            .await?
            .pop_first(),
    };
    let _permit = call.few().await?;
    let page = search(&call.app.hub, call.viewer()?, &query, only, before, limit).await?;
    call.answer(&page)
}

fn place(text: &str) -> Result<Pos, Failure> {
    text.parse()
        .map_err(|_| Failure::invalid("after must be the next of the page before"))
}
