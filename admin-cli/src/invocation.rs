//! One run of the program: its flags, its profile, its connection, and the ways to ask the hub.

use std::{cell::OnceCell, time::Instant};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    api::{Listed, PAGE_ITEMS_MAX, Page},
    client::{
        error::ClientError,
        http::{Conditions, Download, Http, Lines, Method},
        profile::{Environment, Flags, Profile},
    },
    error::ErrorCode,
    event::Event,
    id::{ChatId, CommandId, Seq},
    model::Actor,
};

use crate::{
    args::Global,
    failure::Failure,
    print::{Item, Names, Printer},
};

/// One run of the program.
pub(crate) struct Invocation {
    /// The global flags.
    pub(crate) global: Global,
    /// Where results and talk go.
    pub(crate) print: Printer,
    /// The environment as far as it matters.
    pub(crate) environment: Environment,
    profile: OnceCell<Profile>,
    http: OnceCell<Http>,
}

/// What a change would do.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    events: Vec<PlannedEvent>,
    #[serde(default)]
    effects: Vec<String>,
}

/// A record that a change would make.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PlannedEvent {
    /// The chat it would belong to.
    pub(crate) chat: Option<ChatId>,
    /// Who.
    pub(crate) actor: Actor,
    /// What.
    pub(crate) event: Event,
}

/// What a change would do beside the log, in words.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Effect {
    /// A sentence without a subject.
    pub(crate) effect: String,
}

/// Under which name and on what condition a change is done.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// Under a new name.
    New,
    /// Under the name that its body has.
    InBody,
    /// Under a new name, and only while the thing has this `rev`, or that of the flags.
    AtRev(u64),
}

/// The path of a request with its query.
#[derive(Clone, Debug)]
pub(crate) struct Target(String);

impl Target {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Goes on to a part of the path.
    pub(crate) fn child(mut self, part: impl ToString) -> Self {
        self.0.push('/');
        self.escape(&part.to_string());
        self
    }

    /// Adds a parameter of the query.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.escape(&value.to_string());
        self
    }

    fn escape(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
    }

    /// Adds a parameter if there is something to say.
    pub(crate) fn with_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The text of it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Target {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl Invocation {
    /// A run with these flags in this environment.
    pub(crate) fn new(global: Global, mut environment: Environment) -> Self {
        environment.config = global.config.clone().or(environment.config);
        Self {
            print: Printer::new(&global),
            global,
            environment,
            profile: OnceCell::new(),
            http: OnceCell::new(),
        }
    }

    /// The flags that choose a profile.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            hub: self.global.hub.clone(),
            context: self.global.context.clone(),
            ca: self.global.ca.clone(),
            config: self.global.config.clone(),
        }
    }

    /// Which hub, as whom.
    pub(crate) fn profile(&self) -> Result<&Profile, Failure> {
        if let Some(profile) = self.profile.get() {
            return Ok(profile);
        }
        let profile = Profile::resolve(&self.flags(), &self.environment)?;
        let context = profile.context.as_deref().unwrap_or("none");
        let token = match profile.token {
            Some(_) => "FRONTDESK_TOKEN".to_owned(),
            None => profile.credentials.path().display().to_string(),
        };
        self.print.detail(&format!(
            "hub {}, context {context}, login from {token}",
            profile.hub
        ));
        Ok(self.profile.get_or_init(|| profile))
    }

    fn http(&self) -> Result<&Http, Failure> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = self.profile()?.http()?;
        Ok(self.http.get_or_init(|| http))
    }

    /// Reads a thing.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        target: impl Into<Target>,
    ) -> Result<T, Failure> {
        let target = target.into();
        let answer = self.http()?.get(target.as_str());
        self.traced("GET", &target, answer).await
    }

    /// Changes a thing; none when it was a dry run, whose plan is printed then.
    pub(crate) async fn change<Req: Serialize + Sync + ?Sized, T: DeserializeOwned>(
        &self,
        method: Method,
        target: impl Into<Target>,
        body: Option<&Req>,
    ) -> Result<Option<T>, Failure> {
        self.change_as(method, target, body, Named::New).await
    }

    /// The same under a name or on a condition of its own.
    pub(crate) async fn change_as<Req: Serialize + Sync + ?Sized, T: DeserializeOwned>(
        &self,
        method: Method,
        target: impl Into<Target>,
        body: Option<&Req>,
        named: Named,
    ) -> Result<Option<T>, Failure> {
        self.refuse_if_read_only()?;
        let mut target = target.into();
        let conditions = Conditions {
            if_match: match named {
                Named::AtRev(rev) => self.global.if_match.or(Some(rev)),
                Named::New | Named::InBody => self.global.if_match,
            },
            idempotency_key: match named {
                Named::New | Named::AtRev(_) => Some(CommandId::random()),
                Named::InBody => None,
            },
        };
        let verb = match method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        let http = self.http()?;
        if !self.global.dry_run {
            let answer = http.request_if(method, target.as_str(), body, &conditions);
            return self.traced(verb, &target, answer).await.map(Some);
        }
        target = target.with("dry_run", 1);
        let answer = http.request_if(method, target.as_str(), body, &conditions);
        let plan: Plan = self.traced(verb, &target, answer).await?;
        self.print_plan(plan)?;
        Ok(None)
    }

    /// Prints what a change would do.
    pub(crate) fn print_plan(&self, plan: Plan) -> Result<(), Failure> {
        if plan.effects.is_empty() {
            self.print.list(&plan.events, None, &Names::default())?;
        } else {
            let effects = plan.effects.into_iter().map(|effect| Effect { effect });
            let effects: Vec<Effect> = effects.collect();
            self.print.list(&effects, None, &Names::default())?;
        }
        self.print.note("dry run: nothing was changed");
        Ok(())
    }

    /// Says no to `--dry-run` where there is no way to only say what would happen.
    pub(crate) fn refuse_dry_run(&self, verb: &str) -> Result<(), Failure> {
        if !self.global.dry_run {
            return Ok(());
        }
        Err(Failure::usage(
            format!("{verb} has no dry run; nothing was done"),
            "leave --dry-run out",
        ))
    }

    /// Sends something whose answer says by itself what was done with it.
    pub(crate) async fn send<Req: Serialize + Sync + ?Sized, T: DeserializeOwned>(
        &self,
        target: &Target,
        body: &Req,
    ) -> Result<T, Failure> {
        self.send_as(&CommandId::random(), target, body).await
    }

    /// The same under an id, so that it may be sent again.
    pub(crate) async fn send_as<Req: Serialize + Sync + ?Sized, T: DeserializeOwned>(
        &self,
        id: &CommandId,
        target: &Target,
        body: &Req,
    ) -> Result<T, Failure> {
        let conditions = Conditions {
            if_match: None,
            idempotency_key: Some(id.clone()),
        };
        let http = self.http()?;
        let answer = http.request_if(Method::Post, target.as_str(), Some(body), &conditions);
        self.traced("POST", target, answer).await
    }

    /// Says no where the context says that nothing may be changed.
    pub(crate) fn refuse_if_read_only(&self) -> Result<(), Failure> {
        let profile = self.profile()?;
        if !profile.read_only {
            return Ok(());
        }
        let name = profile.context.as_deref().unwrap_or("in use");
        Err(Failure::refused(
            ErrorCode::Forbidden,
            format!("context {name:?} is read-only; nothing was done"),
            format!("allow changes with: frontdesk-admin context set {name} --read-only false"),
        ))
    }

    /// A page of a list, as long as the flags say.
    async fn page<T: DeserializeOwned>(&self, target: Target) -> Result<Listed<T>, Failure> {
        let most = if self.global.all {
            u32::MAX
        } else {
            self.global.limit
        };
        self.pages(target, self.global.after.clone(), most).await
    }

    /// All of a list, whatever the flags say.
    pub(crate) async fn every<T: DeserializeOwned>(
        &self,
        target: impl Into<Target>,
    ) -> Result<Vec<T>, Failure> {
        Ok(self.pages(target.into(), None, u32::MAX).await?.items)
    }

    /// All messages of a chat after one that is known.
    pub(crate) async fn every_after<T: DeserializeOwned>(
        &self,
        target: Target,
        after: Seq,
    ) -> Result<Vec<T>, Failure> {
        let after = Some(after.to_string());
        Ok(self.pages(target, after, u32::MAX).await?.items)
    }

    /// Says how many things were deleted.
    pub(crate) fn note_deleted(&self, count: usize) {
        if count > 0 {
            self.print.note(&format!("deleted {count}"));
        }
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        target: Target,
        after: Option<String>,
        most: u32,
    ) -> Result<Listed<T>, Failure> {
        let mut all = Listed {
            items: Vec::new(),
            next: after,
            total: None,
        };
        loop {
            let have = u32::try_from(all.items.len()).unwrap_or(u32::MAX);
            let limit = most.saturating_sub(have).min(PAGE_ITEMS_MAX);
            let page = target.clone().with("limit", limit);
            let page: Listed<T> = self.get(page.with_some("after", all.next.as_ref())).await?;
            all.total = all.total.or(page.total);
            all.items.extend(page.items);
            // A page may be empty although more follow; only one that leads to itself is the end.
            let stuck = page.next == all.next;
            all.next = page.next.filter(|_| !stuck);
            if all.next.is_none() || all.items.len() as u64 >= u64::from(most) {
                return Ok(all);
            }
        }
    }

    /// Prints a list, as long as the flags say.
    pub(crate) async fn print_list<T: Item + DeserializeOwned>(
        &self,
        target: impl Into<Target>,
        names: &Names,
    ) -> Result<(), Failure> {
        let target = target.into();
        if self.global.all && !self.print.out_is_terminal() && self.print.style().goes_by_pages() {
            return self.print_pages::<T>(&target, names).await;
        }
        let page: Listed<T> = self.page(target).await?;
        self.print_page(&page, names)
    }

    /// Prints a whole list page by page as it comes, so that its length costs nothing.
    async fn print_pages<T: Item + DeserializeOwned>(
        &self,
        target: &Target,
        names: &Names,
    ) -> Result<(), Failure> {
        let mut after = self.global.after.clone();
        let mut is_first = true;
        loop {
            let page = target.clone().with("limit", PAGE_ITEMS_MAX);
            let page: Page<T> = self.get(page.with_some("after", after.as_ref())).await?;
            self.print.list_page(&page.items, is_first, names)?;
            is_first = false;
            if page.next.is_none() || page.next == after {
                return Ok(());
            }
            after = page.next;
        }
    }

    /// Prints a page and says when there is more.
    fn print_page<T: Item>(&self, page: &Listed<T>, names: &Names) -> Result<(), Failure> {
        self.print.list(&page.items, page.next.as_deref(), names)?;
        if page.next.is_some() {
            let count = page.items.len();
            let showing = match page.total {
                Some(total) => format!("showing {count} of {total}"),
                None => format!("showing the first {count}"),
            };
            self.print
                .note(&format!("{showing}; use --all for the rest"));
        }
        Ok(())
    }

    /// Begins to read a body of lines.
    pub(crate) async fn lines(&self, target: &Target) -> Result<Lines, Failure> {
        let answer = self.http()?.lines(target.as_str());
        self.traced("GET", target, answer).await
    }

    /// Begins to read a body of any length.
    pub(crate) async fn download(
        &self,
        method: Method,
        target: &Target,
    ) -> Result<Download, Failure> {
        let answer = self.http()?.download(method, target.as_str());
        let verb = if method == Method::Get { "GET" } else { "POST" };
        self.traced(verb, target, answer).await
    }

    async fn traced<T>(
        &self,
        verb: &str,
        target: &Target,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let answer = answer.await;
        let outcome = match &answer {
            Ok(_) => "ok".to_owned(),
            Err(error) => error
                .code()
                .map_or_else(|| "failed".to_owned(), |code| code.to_string()),
        };
        let ms = began.elapsed().as_millis();
        self.print
            .trace(&format!("{verb} {} {outcome} {ms} ms", target.as_str()));
        Ok(answer?)
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_query_keeps_its_values_apart() {
        let target = Target::from("/api/chats")
            .with("department", "R&D / ?")
            .with_some("state", Some("waiting,active"))
            .with_some("agent", None::<&str>);
        assert_eq!(
            target.as_str(),
            "/api/chats?department=R%26D%20%2F%20%3F&state=waiting%2Cactive"
        );
    }
}
