//! How staff get in who come with a document: each new one is invited, in the one transaction of
//! the apply, and the codes are shown once.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared::{
    command::{ApplyDesk, Command},
    desk::{Document, Kind, NewCode, Problem, Totals},
    event::Event,
    id::{CommandId, InvitationId, Pos},
    model::Invitation,
    text::SafeText,
};

use crate::{
    accounts::{
        AccountError, Accounts, Session,
        login::login_key,
        rows::{CodeRow, LoginRow, digest_key, put},
        secret::{Token, TokenKind},
    },
    desk::{Desk, Rejection},
    hub::{Companion, PART, SubmitError},
    store::KvWrite,
};

/// Records that are read at once on the way back to the head of an apply.
const RECORDS: u64 = 1_024;

/// What came of an apply.
#[derive(Debug)]
pub struct AppliedDesk {
    /// What it had come to when it was done before, if it was.
    pub before: Option<Totals>,
    /// The codes of the new users who are active, by username.
    pub codes: Vec<NewCode>,
}

impl Accounts {
    /// The new users of a document whose name a registered customer has.
    ///
    /// # Errors
    /// When hub or store cannot be asked.
    pub async fn taken(&self, document: &Document) -> Result<Vec<Problem>, AccountError> {
        let mut problems = Vec::new();
        for username in self.newcomers(document, |_| true).await? {
            let taken = self.rows.read::<LoginRow>(&login_key(&username)).await?;
            if taken.is_some() {
                problems.push(Problem {
                    kind: Kind::User,
                    name: username,
                    message: SafeText::line("has the name of a customer; choose another"),
                });
            }
        }
        Ok(problems)
    }

    /// Applies a document. The same `cid` again applies nothing and gives new codes in the place
    /// of the old ones.
    ///
    /// # Errors
    /// As the desk refuses, and for a username that a customer has.
    pub async fn apply_desk(
        &self,
        session: &Session,
        cid: CommandId,
        apply: ApplyDesk,
    ) -> Result<AppliedDesk, AccountError> {
        let problems = self.taken(&apply.document).await?;
        if !problems.is_empty() {
            return Err(SubmitError::Rejected(Rejection::Unfit { problems }).into());
        }
        let mut tokens = BTreeMap::new();
        for username in self.newcomers(&apply.document, |active| active).await? {
            let token = Token::generate(TokenKind::Invitation)?;
            tokens.insert(username.to_lowercase(), token);
        }
        let companion = self.with_codes(&tokens);
        let command = Command::ApplyDesk(Box::new(apply));
        let outcome = self
            .hub()
            .submit_with(session.who.clone(), cid, command, Some(companion))
            .await?;
        if outcome.dup {
            return self.applied_before(outcome.pos).await;
        }
        let question = |desk: &Desk| desk.invitations().cloned().collect::<Vec<Invitation>>();
        let invitations = self.hub().ask(question).await?;
        let codes = invitations.into_iter().filter_map(|invitation| {
            let username = invitation.username?;
            let token = tokens.get(&username.to_lowercase())?;
            Some(NewCode {
                username,
                code: token.expose().into(),
                expires_at: invitation.expires_at,
            })
        });
        Ok(AppliedDesk {
            before: None,
            codes: sorted(codes.collect()),
        })
    }

    /// Writes the row of each code beside the invitation that it is for.
    fn with_codes(&self, tokens: &BTreeMap<String, Token>) -> Companion {
        let digests = tokens.iter();
        let digests: BTreeMap<String, _> = digests
            .map(|(username, token)| (username.clone(), token.digest()))
            .collect();
        let now = self.rows.now();
        Box::new(move |records, _| {
            let row = |event: &Event| -> Option<KvWrite> {
                let Event::InvitationCreated { invitation } = event else {
                    return None;
                };
                let username = invitation.username.as_ref()?;
                let digest = digests.get(&username.to_lowercase())?;
                let row = CodeRow {
                    invitation: invitation.id,
                    expires_at: invitation.expires_at,
                };
                let life = Some((now, row.expires_at));
                Some(put(digest_key(*digest), 0, &row, life))
            };
            let rows = records.iter().filter_map(|record| row(&record.event));
            rows.collect()
        })
    }

    /// The users of a document who are not there yet, of those that are active or not as asked.
    async fn newcomers(
        &self,
        document: &Document,
        wanted: impl Fn(bool) -> bool,
    ) -> Result<Vec<SafeText>, AccountError> {
        let all = document.user.iter().flatten();
        let all = all.filter(|user| wanted(user.active));
        let all: Vec<SafeText> = all.map(|user| SafeText::line(&user.username)).collect();
        let question = move |desk: &Desk| -> Vec<SafeText> {
            let all = all.into_iter();
            all.filter(|username| desk.user_by_name(username).is_none())
                .collect()
        };
        Ok(self.hub().ask(question).await?)
    }

    /// What an apply whose last record is `last` had come to, with new codes.
    async fn applied_before(&self, last: Pos) -> Result<AppliedDesk, AccountError> {
        let mut invited: Vec<InvitationId> = Vec::new();
        let mut end = last.0;
        let totals = 'head: loop {
            let begin = end.saturating_sub(RECORDS);
            let count = usize::try_from(end - begin).unwrap_or_default();
            if count == 0 {
                return Err(AccountError::Damaged);
            }
            let records = self.hub().store().read(PART, Pos(begin), count).await?;
            for stored in records.iter().rev() {
                match stored.record()?.event {
                    Event::InvitationCreated { invitation } => invited.push(invitation.id),
                    Event::DeskApplied {
                        created,
                        updated,
                        deleted,
                        ..
                    } => {
                        break 'head Totals {
                            created,
                            updated,
                            deleted,
                            unchanged: 0,
                        };
                    }
                    _ => {}
                }
            }
            end = begin;
        };
        let now = self.rows.now();
        let question = move |desk: &Desk| -> Vec<Invitation> {
            let open = desk.invitations().filter(|one| now < one.expires_at);
            let open = open.filter(|one| invited.contains(&one.id));
            let active = |one: &&Invitation| {
                let user = one.username.as_deref();
                let user = user.and_then(|username| desk.user_by_name(username));
                user.is_some_and(|user| user.active)
            };
            open.filter(active).cloned().collect()
        };
        let open = self.hub().ask(question).await?;
        Ok(AppliedDesk {
            before: Some(totals),
            codes: sorted(self.new_codes(open).await?),
        })
    }

    /// New codes for invitations in the place of all older ones.
    async fn new_codes(&self, invitations: Vec<Invitation>) -> Result<Vec<NewCode>, AccountError> {
        for kept in self.rows.scan::<CodeRow>(Bytes::new()).await? {
            if invitations.iter().any(|one| one.id == kept.row.invitation) {
                self.rows.delete::<CodeRow>(&kept.key).await?;
            }
        }
        let mut codes = Vec::new();
        for invitation in invitations {
            let token = Token::generate(TokenKind::Invitation)?;
            let row = CodeRow {
                invitation: invitation.id,
                expires_at: invitation.expires_at,
            };
            let key = digest_key(token.digest());
            self.rows.write(key, 0, &row, Some(row.expires_at)).await?;
            codes.push(NewCode {
                username: invitation.username.unwrap_or_default(),
                code: token.expose().into(),
                expires_at: row.expires_at,
            });
        }
        Ok(codes)
    }
}

fn sorted(mut codes: Vec<NewCode>) -> Vec<NewCode> {
    codes.sort_by_cached_key(|code| code.username.to_lowercase());
    codes
}
