//! Who waits, in the order of being served.

use shared::{api::Page, id::DepartmentId, model::Chat};

use super::{accounts::departments, users::department_ref};
use crate::{
    desk::permission::Action,
    http::{
        call::{Call, page},
        errors::Failure,
        query::{AFTER, Kind, LIMIT, Param},
        route::{Access::Bearer, Answer, Route},
    },
};

const DEPARTMENT: Param = Param::new(
    "department",
    Kind::Text,
    "Only the queue of this department, by number or name.",
);
const QUERY: &[Param] = &[LIMIT, AFTER, DEPARTMENT];

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/api/queue",
        "read_queue",
        Bearer(Action::ReadQueue),
        |call| Box::pin(queue(call)),
        "Lists the waiting chats in sight by department, first to be served first.",
    )
    .query(QUERY)
    .gives::<Page<Chat>>(200),
    Route::get(
        "/api/admin/queue",
        "read_queue_admin",
        Bearer(Action::ReadQueue),
        |call| Box::pin(queue(call)),
        "The same as /api/queue.",
    )
    .query(QUERY)
    .gives::<Page<Chat>>(200),
];

/// Where a page ended: the department and the place in its queue.
type Place = (DepartmentId, u32);

async fn queue(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let after = call
        .query
        .text(AFTER.name)
        .map(place)
        .transpose()?
        .unwrap_or_default();
    let only = match call.query.text(DEPARTMENT.name) {
        None => None,
        Some(text) => departments(&call, &[department_ref(text)])
            .await?
            .pop_first(),
    };
    let viewer = call.viewer()?.clone();
    let found: Vec<_> = call
        .ask(move |desk| {
            let departments = desk.departments().map(|department| department.id);
            let wanted = departments.filter(|id| only.is_none_or(|only| only == *id));
            let places = wanted.flat_map(|id| {
                desk.queue(id)
                    .zip(1..)
                    .map(move |(chat, at)| ((id, at), chat))
            });
            let later = places.filter(|(place, _)| *place > after);
            let seen = later.filter_map(|(_, chat)| desk.chat_for(&viewer, chat.id));
            seen.take(limit + 1).collect()
        })
        .await?;
    call.answer(&page(found, limit, |chat: &Chat| {
        format!("{}.{}", chat.department, chat.place.unwrap_or_default())
    }))
}

fn place(text: &str) -> Result<Place, Failure> {
    text.split_once('.')
        .and_then(|(department, at)| Some((department.parse().ok()?, at.parse().ok()?)))
        .ok_or_else(|| Failure::invalid("after must be the next of the page before"))
}
