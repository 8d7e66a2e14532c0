//! The English words by which people ask for a person, each with what it can be.
//!
//! Deliberately absent: how words make a request, which is told beside the rules.

use std::sync::LazyLock;

use super::tokens::table;

/// What a word can be, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Class(u32);

impl Class {
    /// None of the words here.
    pub(super) const NONE: Self = Self(0);
    /// To have words with somebody: `talk`.
    pub(super) const TALK: Self = Self(1);
    /// The same going on: `talking`.
    pub(super) const TALKING: Self = Self(1 << 1);
    /// To bring together with whomever is named next: `transfer`.
    pub(super) const CONNECT: Self = Self(1 << 2);
    /// The same of a thing too, so that a person must be named: `forward`.
    pub(super) const PASS: Self = Self(1 << 3);
    /// To wish for: `need`.
    pub(super) const WANT: Self = Self(1 << 4);
    /// To be given: `get`.
    pub(super) const GET: Self = Self(1 << 5);
    /// Somebody of flesh and blood: `human`.
    pub(super) const HUMAN: Self = Self(1 << 6);
    /// One who serves customers: `agent`.
    pub(super) const AGENT: Self = Self(1 << 7);
    /// A person by context only: `person`, `manager`.
    pub(super) const PERSON: Self = Self(1 << 8);
    /// Where such people are: `team`.
    pub(super) const TEAM: Self = Self(1 << 9);
    /// Anyone: `someone`.
    pub(super) const SOME: Self = Self(1 << 10);
    /// Tells a person from a machine: `real`.
    pub(super) const REAL: Self = Self(1 << 11);
    /// Stands before the name of a person: `a`, `your`.
    pub(super) const MODIFIER: Self = Self(1 << 12);
    /// Turns round what follows: `not`.
    pub(super) const NEGATION: Self = Self(1 << 13);
    /// The one that answers now: `bot`.
    pub(super) const BOT: Self = Self(1 << 14);
    /// The one that is talked to: `you`.
    pub(super) const YOU: Self = Self(1 << 15);
    /// The one who writes: `me`.
    pub(super) const ME: Self = Self(1 << 16);
    /// Leads to the one talked to: `to`, `with`.
    pub(super) const TO: Self = Self(1 << 17);
    /// Says nothing: `please`.
    pub(super) const FILLER: Self = Self(1 << 18);
    /// May stand between a wish and its verb: `would`, `just`.
    pub(super) const CHAIN: Self = Self(1 << 19);
    /// Makes a request of a verb: `can`, `let`.
    pub(super) const ASK: Self = Self(1 << 20);
    /// May stand behind the name of a person that is asked for: `now`.
    pub(super) const AFTER: Self = Self(1 << 21);
    /// What goes to a person for the customer: `chat`, `this`.
    pub(super) const MATTER: Self = Self(1 << 22);
    /// Is never who is asked for: `me`, `him`, `english`.
    pub(super) const NOBODY: Self = Self(1 << 23);
    /// What a person does for a customer: `help`.
    pub(super) const HELP: Self = Self(1 << 24);
    /// Makes another person of a person: `else`.
    pub(super) const OTHER: Self = Self(1 << 25);
    /// That one has had enough: `hate`.
    pub(super) const ENOUGH: Self = Self(1 << 26);
    /// Begins a rule and is nothing else: `callback`.
    pub(super) const TRIGGER: Self = Self(1 << 27);

    /// Whether it can be any of `these`.
    pub(super) const fn is(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }

    /// Either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The groups, each word in as many as it can be.
const GROUPS: &[(Class, &str)] = &[
    (
        Class::TALK,
        "complain talk speak chat converse discuss spk tlk tlak takl tak talkk speek speack spaek \
            communicate interact conversation convo word",
    ),
    (
        Class::TALKING,
        "talking speaking chatting conversing communicating interacting dealing",
    ),
    (
        Class::CONNECT,
        "transfer connect conect transfere tranfer trasnfer transferred connected patch",
    ),
    (
        Class::PASS,
        "get forward redirect route reroute switch pass hand handover direct link refer move send \
            bring put escalate handoff transfer connect",
    ),
    (
        Class::WANT,
        "\
            want wanna need wants needs wish demand require request prefer rather insist like \
            love want2 wnat wan nid looking waiting asked asking requesting requested requires \
            insisting demanding waitin",
    ),
    (
        Class::GET,
        "\
            get give gimme find fetch have see reach contact call phone ring message grab bring \
            send hav giv provide assign got page summon",
    ),
    (Class::HUMAN, "human humans people humanbeing reps csr csrs"),
    (
        Class::HUMAN,
        "representative representatives operator operators",
    ),
    (
        Class::AGENT,
        "agent agents rep advisor advisors adviser advisers operative operatives",
    ),
    (
        Class::PERSON,
        "member person persons people manager managers supervisor supervisors boss specialist \
            specialists expert consultant consultants staff employee employees colleague \
            colleagues coworker guy lady man woman worker receptionist concierge teller banker \
            clerk attendant technician official assistant assistants professional executive \
            superior superiors lawyer individual",
    ),
    (
        Class::TEAM,
        "\
            team department dept reception frontdesk helpdesk desk service services support care \
            center centre office branch line personnel",
    ),
    (
        Class::SOME,
        "someone somebody anyone anybody some1 any1 sombody somone somene",
    ),
    (
        Class::REAL,
        "\
            real actual live physical normal living genuine breathing proper flesh blood \
            actually real-life nonrobotic robotic human legit true reallife",
    ),
    (
        Class::MODIFIER,
        "\
            a an the any some one your ur my another other different real actual live human \
            physical normal living genuine breathing proper non robotic customer client service \
            services support sales billing tech technical senior trained available new nice \
            competent qualified of these those more another better higher level up experienced \
            friendly bank care account first second fraud hotel flesh blood relevant right \
            responsible appropriate responsable yr relations success fellow single professional \
            relation male female english spanish goddamn damn fucking bloody freaking effing \
            smart intelligent person sort kind type front main night duty shift general chat \
            virtual no",
    ),
    (
        Class::NEGATION,
        "dont not never didnt doesnt without wont wouldnt dnt donot neither nor isnt avoid no",
    ),
    (
        Class::BOT,
        "\
            bot bots robot robots machine machines chatbot chatbots ai computer computers \
            program software automated automatic algorithm automation robo virtual recording",
    ),
    (Class::YOU, "you u ya yourself youre thee"),
    (Class::ME, "me us mee"),
    (Class::TO, "to with w wth wiht ot 2 tp too onto into"),
    (
        Class::FILLER,
        "being beings please pls plz plse pleas plis pleae ok okay hi hello hey yo oh um uh er a an the my \
            some just now thanks thank you thx no nope yes yeah yep i want need wanna would like \
            to get give me us can could have id im asap immediately right away well so then sir \
            madam maam mate dude man guys there kindly quickly fast today hm hmm ah but and for \
            one any live real actual only still again help",
    ),
    (
        Class::CHAIN,
        "\
            to just really please pls plz also now then rather directly actually i we me us id \
            like want wanna need would will could can may might must should shall have had be \
            able only still simply instead prefer wish love let lets lemme allow possible us \
            maybe perhaps kindly even ever again finally truly honestly urgently immediately \
            desperately definitely really get got go going gonna gotta hoping hope trying try \
            tryna to speak and be is it if there any way how do does where who whom why cannot \
            cant couldnt having demand insist on request ask asking asked for requesting feel \
            better best much very ll chance for you d quickly all able 2 wants im am looking \
            wanting interested in",
    ),
    (
        Class::ASK,
        "\
            can could may want wanna need wants let lets lemme please pls plz possible able \
            rather prefer id like wish how where who whom would allow demand insist must love \
            gotta cannot cant couldnt hoping trying request permit wanting should interested \
            looking waiting gonna",
    ),
    (
        Class::AFTER,
        "\
            please pls plz now to who whom that asap instead or and immediately thanks thank thx \
            right over if about because cause cuz so as here already not quickly rather but \
            regarding with today for in on available i is being beings person soon urgently whos \
            thats which directly no this ok help can could at first ffs sir tbh asking before \
            working around",
    ),
    (
        Class::MATTER,
        "\
            this it chat call conversation case issue ticket query question request me us my the \
            problem inquiry enquiry complaint thing matter that",
    ),
    (
        Class::NOBODY,
        "\
            you u ya me him her them it this that these those myself yourself in about accent \
            english spanish german french like for at of on alexa siri my us and or more less \
            faster slower youre others each my so how what why when",
    ),
    (
        Class::HELP,
        "\
            help assist handle look check review answer resolve deal solve take fix reply \
            respond assistance intervention attention interaction contact",
    ),
    (
        Class::OTHER,
        "else different another other non actual real human new",
    ),
    (
        Class::ENOUGH,
        "\
            hate hates stop stopping quit sick tired fed done enough useless dislike despise \
            cant refuse refusing loathe wasting uncomfortable instead detest annoyed frustrated \
            pointless",
    ),
    (
        Class::TRIGGER,
        "escalation esculate excalate callback there theres wheres",
    ),
];

/// Words that are misspelt often enough to be worth a comparison: any slip of one letter, and of
/// two in the longest.
const MISSPELT: [&str; 14] = [
    "human",
    "humans",
    "person",
    "agent",
    "agents",
    "operator",
    "representative",
    "representatives",
    "someone",
    "somebody",
    "speak",
    "connect",
    "transfer",
    "manager",
];

/// Near words that are no slips.
const OTHER_WORDS: [&str; 22] = [
    "humane",
    "humid",
    "hunan",
    "prison",
    "persona",
    "parson",
    "peron",
    "steak",
    "sneak",
    "speaks",
    "speaker",
    "urgent",
    "aged",
    "agenda",
    "argent",
    "operate",
    "operated",
    "manage",
    "managed",
    "transfers",
    "transfert",
    "connects",
];

/// Every word with all that it can be, sorted.
static WORDS: LazyLock<Vec<(&'static str, Class)>> = LazyLock::new(|| table(GROUPS, Class::or));

/// What a folded word can be.
pub(super) fn class_of(word: &str) -> Class {
    let words = &*WORDS;
    let find = |word: &str| words.binary_search_by_key(&word, |(known, _)| known);
    match find(word) {
        Ok(at) => words[at].1,
        Err(_) => slip_of(word)
            .and_then(|meant| find(meant).ok())
            .map_or(Class::NONE, |at| words[at].1),
    }
}

/// The word that was meant by one with a slip.
fn slip_of(word: &str) -> Option<&'static str> {
    if !(5..=16).contains(&word.len()) || !word.is_ascii() || OTHER_WORDS.contains(&word) {
        return None;
    }
    let slips = |meant: &str| if meant.len() > 10 { 2 } else { 1 };
    MISSPELT
        .into_iter()
        .filter(|meant| meant.as_bytes()[0] == word.as_bytes()[0])
        .filter(|meant| meant.len().abs_diff(word.len()) <= slips(meant))
        .find(|meant| distance(meant.as_bytes(), word.as_bytes()) <= slips(meant))
}

/// How many letters are wrong, missing, too many or swapped with the next.
fn distance(a: &[u8], b: &[u8]) -> usize {
    const LONGEST: usize = 17;
    let mut rows = [[0usize; LONGEST + 1]; LONGEST + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = std::array::from_fn(|j| j);
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            best = best.min(rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
