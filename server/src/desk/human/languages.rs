//! Requests for a person in German, French, Spanish, Portuguese, Italian and Dutch: short lists
//! of what people there say, no grammar.

use std::sync::LazyLock;

use super::tokens::Tokens;

/// How one language asks. Words are folded: without case, marks and apostrophes.
struct Language {
    /// To talk, to be connected, to reach.
    verbs: &'static str,
    /// Somebody of flesh and blood, by context.
    people: &'static str,
    /// To wish for, to be given; calls a person with one of `sure`.
    wishes: &'static str,
    /// People of the desk for certain; alone they are a call.
    sure: &'static str,
    /// What may stand beside one of `sure`.
    fillers: &'static str,
    /// What turns it round.
    negations: &'static str,
}

const LANGUAGES: [Language; 6] = [
    Language {
        verbs: "\
            sprechen reden chatten telefonieren verbinden verbinde verbindet verbind \
            weiterleiten durchstellen weiterverbinden unterhalten rede sprech weitergeleitet \
            verbunden",
        people: "\
            mensch menschen menschlichen menschliche mitarbeiter mitarbeitern mitarbeiterin \
            person jemand jemanden jemandem berater beraterin kundenberater kundenberaterin \
            kundendienst kundenservice agent agenten sachbearbeiter sachbearbeiterin \
            vorgesetzten kollegen kollegin ansprechpartner echten echter",
        wishes: "will mochte moechte brauche gib geben hatte haette wunsche gibt",
        sure: "\
            mensch menschen mitarbeiter mitarbeiterin kundenberater kundenberaterin kundendienst \
            berater ansprechpartner sachbearbeiter",
        fillers: "\
            bitte einen ein eine einem den ich echter echten echte mit hallo ja nein jetzt \
            sofort lieber an zum",
        negations: "nicht kein keinen keine keinem ohne",
    },
    Language {
        verbs: "\
            parler discuter echanger joindre passez passe passer transferez transferer transfere \
            connecter relation communiquer parle",
        people: "\
            humain humaine humains personne quelquun quelqu conseiller conseillere conseillers \
            agent operateur operatrice responsable representant technicien superviseur service",
        wishes: "veux voudrais souhaite besoin aimerais donnez prefere exige",
        sure: "humain conseiller conseillere operateur operatrice representant",
        fillers: "un une l le la s sil il vous te plait svp stp je vrai vraie bonjour oui non reel",
        negations: "ne pas sans aucun",
    },
    Language {
        verbs: "\
            hablar chatear comunicarme contactar contactarme conectame conecteme conectarme \
            pasame paseme pasarme transfiereme transfierame transferirme comunicame comuniqueme \
            conversar hablo",
        people: "\
            humano humana humanos persona personas alguien agente agentes operador operadora \
            asesor asesora representante supervisor supervisora encargado encargada gerente \
            ejecutivo ejecutiva",
        wishes: "quiero necesito quisiera deseo dame prefiero exijo gustaria",
        sure: "humano humana agente operador operadora asesor asesora representante",
        fillers: "un una el la por favor porfavor con real hola si no ya ahora de verdad quiero",
        negations: "no sin ningun",
    },
    Language {
        verbs: "falar conversar contatar transferir transfira transfere passar conectar fala",
        people: "\
            humano humana humanos pessoa alguem atendente atendentes agente operador operadora \
            representante supervisor supervisora gerente funcionario funcionaria",
        wishes: "quero preciso queria gostaria desejo prefiro exijo",
        sure: "humano humana atendente atendentes operador operadora representante",
        fillers: "um uma o a por favor com real ola sim nao agora de verdade quero",
        negations: "nao sem nenhum",
    },
    Language {
        verbs: "\
            parlare chattare passami passi passatemi mettermi mettimi contattare trasferisci \
            trasferirmi collegami parlo comunicare",
        people: "\
            umano umana umani persona qualcuno operatore operatori operatrice addetto addetta \
            consulente responsabile agente rappresentante supervisore assistenza",
        wishes: "voglio vorrei bisogno dammi preferisco desidero",
        sure: "umano operatore operatrice addetto consulente",
        fillers: "un uno una l per favore con vero vera reale ciao si no ora subito voglio",
        negations: "non senza nessun",
    },
    Language {
        verbs: "\
            spreken praten chatten verbind verbinden doorverbinden doorverbind doorverbonden \
            bellen spreek",
        people: "\
            mens mensen persoon iemand medewerker medewerkers medewerkster agent collega \
            klantenservice echt echte leidinggevende helpdesk",
        wishes: "wil graag nodig geef zou",
        sure: "mens medewerker medewerkster",
        fillers: "een de het alstublieft aub ajb graag echte met ik wil hallo ja nee nu",
        negations: "niet geen zonder",
    },
];

/// What a word is in one language: bits of a group of eight for each.
const VERB: u64 = 1;
const PERSON: u64 = 1 << 1;
const WISH: u64 = 1 << 2;
const SURE: u64 = 1 << 3;
const FILLER: u64 = 1 << 4;
const NEGATION: u64 = 1 << 5;
/// The same bit for each language.
const EACH: u64 = 0x0101_0101_0101;

/// Words between the verb and the person, in either order.
const REACH: usize = 7;
/// Most words of a text that only names a person.
const BARE_MAX: usize = 10;

/// Every word with what it is in which language, sorted.
static WORDS: LazyLock<Vec<(&'static str, u64)>> = LazyLock::new(|| {
    let mut words: Vec<(&'static str, u64)> = Vec::new();
    for (place, language) in LANGUAGES.iter().enumerate() {
        let groups = [
            (language.verbs, VERB),
            (language.people, PERSON),
            (language.wishes, WISH),
            (language.sure, SURE),
            (language.fillers, FILLER),
            (language.negations, NEGATION),
        ];
        for (group, role) in groups {
            words.extend(group.split(' ').map(|word| (word, role << (8 * place))));
        }
    }
    words.sort_unstable_by_key(|(word, _)| *word);
    words.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 |= if same { next.1 } else { 0 };
        same
    });
    words
});

/// Whether the text asks for a person in one of these languages.
pub(super) fn ask(tokens: &Tokens) -> bool {
    let table = &*WORDS;
    let role = |word: &str| {
        let found = table.binary_search_by(|(known, _)| (*known).cmp(word));
        found.map_or(0, |at| table[at].1)
    };
    let roles: Vec<u64> = tokens.words().map(role).collect();
    let any = roles.iter().fold(0, |any, role| any | role);
    // Languages that have a person in the text.
    let people = ((any / PERSON) | (any / SURE)) & EACH;
    people != 0
        && (0..LANGUAGES.len())
            .filter(|place| people >> (8 * place) & 1 == 1)
            .any(|place| {
                let roles: Vec<u64> = roles.iter().map(|role| role >> (8 * place)).collect();
                is_bare(&roles) || tokens.clauses().any(|(from, to)| asks(&roles[from..to]))
            })
}

/// Nothing but somebody of the desk and words that say nothing.
fn is_bare(roles: &[u64]) -> bool {
    roles.len() <= BARE_MAX
        && roles.iter().any(|role| role & SURE != 0)
        && roles.iter().all(|role| role & (SURE | FILLER) != 0)
}

/// A verb or wish near a person, not turned round.
fn asks(roles: &[u64]) -> bool {
    roles.iter().enumerate().any(|(at, role)| {
        if role & (VERB | WISH) == 0 {
            return false;
        }
        let near = at.saturating_sub(REACH)..roles.len().min(at + REACH + 1);
        let person = near.clone().filter(|i| *i != at).any(|i| {
            role & VERB != 0 && roles[i] & (PERSON | SURE) != 0
                || role & WISH != 0 && roles[i] & SURE != 0
        });
        person && !near.clone().any(|i| roles[i] & NEGATION != 0)
    })
}
