//! The words and phrases of small talk, of asking and of telling, in the languages that people
//! greet and thank in.
//!
//! Deliberately absent: what they make of a message.

use std::sync::LazyLock;

use crate::desk::human::tokens::{Tokens, table};

/// What a word can be, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(u32);

impl Word {
    /// Hello.
    pub(super) const GREETING: Self = Self(1);
    /// Thank you.
    pub(super) const THANKS: Self = Self(1 << 1);
    /// Goodbye.
    pub(super) const BYE: Self = Self(1 << 2);
    /// Yes, and what praises.
    pub(super) const YES: Self = Self(1 << 3);
    /// Yes, said as an answer: `yes` and not `great`.
    pub(super) const CERTAIN: Self = Self(1 << 4);
    /// No.
    pub(super) const NO: Self = Self(1 << 5);
    /// Nothing else is needed.
    pub(super) const DONE: Self = Self(1 << 6);
    /// Says nothing by itself.
    pub(super) const FILLER: Self = Self(1 << 7);
    /// Turns round: `not`.
    pub(super) const NEGATION: Self = Self(1 << 8);
    /// Asks wherever it stands: `how`, `need`.
    pub(super) const ASK: Self = Self(1 << 9);
    /// Asks or orders at the beginning of a clause: `cancel`.
    pub(super) const OPENS: Self = Self(1 << 10);
    /// Asks before a subject: `is it`.
    pub(super) const AUXILIARY: Self = Self(1 << 11);
    /// Of whom a sentence is: `it`.
    pub(super) const SUBJECT: Self = Self(1 << 12);
    /// What is wrong: `broken`.
    pub(super) const TROUBLE: Self = Self(1 << 13);
    /// A number, a day.
    pub(super) const DATA: Self = Self(1 << 14);
    /// Says that a piece of information comes: `my name is`.
    pub(super) const TELLS: Self = Self(1 << 15);

    /// Whether it can be any of `these`.
    pub(super) const fn is(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }

    /// Either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const GROUPS: &[(Word, &str)] = &[
    (
        Word::GREETING,
        "hi hello hey hiya heya hii hiii hallo helo helllo hellow howdy greetings yo sup hola ola \
         bonjour salut bonsoir coucou salve buongiorno moin servus gruezi hoi goedemorgen \
         goedemiddag goedendag namaste salaam hej merhaba gm heyy hei aloha privet",
    ),
    (
        Word::THANKS,
        "thanks thank thx thanx thnx thnks tks ty tysm thankyou thankful appreciate appreciated \
         appreciation grateful gratitude cheers danke dankeschon merci gracias obrigado obrigada \
         grazie bedankt dank dankjewel dankuwel thans thnak tnx thankss arigato spasibo tack \
         tesekkurler dziekuje",
    ),
    (
        Word::BYE,
        "bye goodbye byebye byee cya adios tschuss tschuess ciao tchau arrivederci doei farewell \
         ttyl goodnight gn bbye goodby toodles regards adieu dag laters sayonara",
    ),
    (
        Word::YES.or(Word::CERTAIN),
        "yes yeah yep yup yea ye yess yesss yas yah ya ys yess yus aye sure surely correct exactly \
         absolutely definitely certainly indeed affirmative true agreed agree ja oui si sim \
         genau gerne jawohl claro vale certo klopt naturlich natuerlich yessir totally positive \
         precisely accurate confirmed mhm uhuh yeap truth fact accept tak evet da",
    ),
    (
        Word::YES,
        "ok okay okey okie oke okk okayy k kk alright alrighty right fine good great perfect cool \
         nice awesome excellent wonderful fantastic amazing super brilliant lovely understood \
         understand sweet wow roger gotcha glad happy helpful helped works worked solved \
         resolved fixed amazing beautiful gut bien bon bene bom goed prima parfait",
    ),
    (
        Word::NO,
        "no nope nah nay naw noo nooo negative nein non nee nao incorrect false nothing untrue wrong inaccurate \
         nichts nada niente niets rien not never nop",
    ),
    (
        Word::FILLER,
        "a an the and but or so then now just very much many lot lots of to too for in on at with \
         as i im me my we us our you your u ur ya it its that thats this these those he she they \
         is am are was were be been being do does did done have has had will would can could id \
         ive ill dont not didnt doesnt isnt wasnt havent hasnt please pls plz kindly really \
         well oh ah um uh hmm hm mm lol haha all everything again still yet also there team \
         everyone sir madam maam mate dude man guys friend bot ai dear buddy bro sis love day \
         week weekend night evening afternoon morning rest nice great good moment time more else \
         if at think guess believe bit quite pretty helpful helping one ahead go way s \
         bitte por favor si vous plait il te per favore alstublieft aub beaucoup mucho muchas \
         muchos muito muita mille molte viel vielen recht tanto wel zeer sehr mich uns hab du \
         sie het heel hartelijk by today tomorrow what said right fair enough here from myself \
         thing things anything wait was were me only any such later answer statement response being because even about some \
         indeed actually mean say back see got ur worries",
    ),
    (
        Word::NEGATION,
        "not dont didnt doesnt isnt wasnt havent hasnt arent wont cant cannot couldnt never \
         werent nicht kein keine ne pas niet geen",
    ),
    (
        Word::ASK,
        "want wanna need needs like wish how why where when which who whose whom what whats wheres \
         hows whens whos help assist looking trying wondering question questions enquire inquire \
         know tell explain possible able mochte moechte brauche veux voudrais quiero necesito \
         quisiera quero preciso gostaria voglio vorrei wil wie wo wann warum donde cuando cuanto \
         onde quando quanto comment quand pourquoi dove perche hoe waar wanneer waarom hilfe \
         aide ayuda ajuda aiuto besoin should request seeking interested hoping wonder curious \
         may let lets gonna supposed planning must necessary",
    ),
    (
        Word::OPENS,
        "cancel book change show tell give find check reset update track order return refund set \
         send add remove open close make turn play buy pay transfer move switch upgrade downgrade \
         renew activate deactivate enable disable delete create schedule reschedule block unblock \
         unlock report stop start call text email read look search get order reorder ship replace \
         fix repair explain describe list provide resend verify increase decrease raise lower \
         put take remind calculate convert translate define spell flip roll whisper speak \
         talk repeat pull freeze unfreeze sync connect disconnect share save download upload \
         install uninstall navigate locate suggest recommend compare say use go keep ask \
         sign subscribe unsubscribe log login join apply dispute redeem withdraw deposit top \
         please kindly any shut skip next ignore forget erase undo bring mute reduce figure \
         reserve run begin do let lets help teach try link clear edit modify review pick snooze confirm inform resume restore rename advise write identify place initiate inform",
    ),
    (
        Word::AUXILIARY,
        "is are am was were do does did can could would will should shall has have had may might \
         isnt arent dont doesnt didnt cant couldnt wouldnt wont havent hasnt shouldnt must",
    ),
    (
        Word::SUBJECT,
        "i you we it he she they there this that the my your our a an any anyone anybody someone \
         somebody u these those his her their its everything nobody one us all both somewhere",
    ),
    (
        Word::TROUBLE,
        "lost stolen stole broken wrong missing failed fail fails failing error errors problem \
         problems issue issues declined charged blocked locked forgot forgotten late delayed damaged \
         refund refunded double twice stuck unable complain outage denied rejected expired pending complaint \
         disappointed broke crashed crashes crash crashing freezes freezing hangs overcharged unauthorized unauthorised fraud \
         fraudulent hacked compromised swallowed stopped duplicate incorrect cracked leaking \
         slow down dead faulty defective disappeared vanished trouble lose losing unknown \
         strange weird dispute unrecognized unrecognised suspicious emergency urgent cancelled \
         canceled reverted kaputt perdu perdido perso kwijt verloren ate took \
         withdrawn deducted extra instead malfunctioning mistake inaccurate",
    ),
    (
        Word::DATA,
        "january february march april june july august september october november december jan \
         feb mar apr jun jul aug sept oct nov dec monday tuesday wednesday thursday friday \
         saturday sunday com",
    ),
];

/// Phrases of several words and what all of their words are then.
const PHRASES: &[(Word, &str)] = &[
    (
        Word::GREETING,
        "how are you|how have you been|how is everything|hows everything|hows life|how is life|how goes it|are you ok|are you okay|are you well|are you doing ok|are you doing okay|are you doing well|are you doing alright|are you alright|whats going on|why hello|how are you doing|how are you today|how are things|how is it going|hows it going|how r u|how do you \
         do|whats up|how is your day|hows your day|hows it|good morning|good afternoon|good \
         evening|good day|guten tag|guten morgen|guten abend|gruss gott|buenos dias|buenas \
         tardes|buenas noches|bom dia|boa tarde|boa noite|buona sera|nice to meet you|whats \
         new|anyone there|anybody there|is anyone there|good to see you|how you doing|are you there|you there",
    ),
    (
        Word::BYE,
        "see you|see ya|see you later|catch you|peace out|ta ta|tata for now|gotta run|i have to go|i need to go|i must go|take it easy|nice to talk|nice to speak|nice to chat|good to talk|great to talk|glad we talked|glad we got to talk|enjoyed talking|enjoyed our chat|talk to you later|talk to you soon|talk later|have a nice|have a good|have a \
         great|have a lovely|have a wonderful|have a blessed|have an awesome|have an amazing|have \
         a fantastic|have a pleasant|have a safe|enjoy your day|enjoy the rest|take care|good night|good bye|you \
         too|same to you|au revoir|hasta luego|hasta la vista|tot ziens|auf wiedersehen|bis bald|bonne journee|catch \
         you later|until next time|signing off|gotta go|got to go|im leaving|later gator|schonen tag|fijne \
         dag|bis spater|a bientot|nice talking|great talking|good talking|pleasure talking|nice chatting|good chatting|to you as well",
    ),
    (
        Word::DONE,
        "that is all|thats all|thats all i need|that is all i need|that is all i needed|thats all i needed|that is all i wanted|thats all i wanted|thats all i want|all i need|all i needed|dont need any|dont need anything|do not need any|do not need anything|dont have any|do not have any|dont have anything|no more questions|no other questions|no further questions|no more help|no other|no further|no more|that will be all|thatll be all|that would be all|thats it|that is it|nothing \
         else|all set|im good|i am good|im fine|i am fine|all good|im done|i am done|nothing more|nothing at \
         the moment|nothing for now|thats everything|that is everything|das ist alles|das wars|cest \
         tout|eso es todo|isso e tudo|dat is alles|e tutto|good for now|nothing right now|thats about it|im ok|im okay|i am all set|we are good|were good",
    ),
    (
        Word::YES.or(Word::CERTAIN),
        "of course|no problem|no worries|no issues|not a problem|no prob|go ahead|please do|do it|go for \
         it|thats right|that is right|thats correct|that is correct|thats fine|that is fine|why not|you \
         bet|for sure|bien sur|uh huh|mm hmm|da accord|d accord|got it|i see|sounds good|sounds great|sounds perfect|makes \
         sense|works for me|10 4|i know|lets do it|it works|it worked|that works|that worked|that helps|that helped|por supuesto|desde luego|com certeza",
    ),
    (
        Word::NO,
        "not really|not yet|not now|not right now|not at the moment|not at this time|not at all|not today|no \
         way|not exactly|definitely not|certainly not|absolutely not|of course not|surely not|ill pass|hell no|not quite|i dont think so|that did not help|that didnt help|didnt help|did not \
         help|not helpful|doesnt help|does not help|not what i meant|not what i asked|thats wrong|that is wrong|you are wrong|youre wrong|got that \
         wrong|wrong answer|thats not it|not it|not correct|not right|isnt right|isnt correct|not interested|not necessary|not needed|no need|not that i know|never mind|nevermind|nvm|forget it|not true|isnt true",
    ),
    (
        Word::THANKS,
        "much obliged|would like to thank|id like to thank|want to thank|wanna thank|need to thank|let me thank|why thank you|great help|big help|huge help|good job|great job|good work|you helped me|you helped a lot|i owe you|you are the best|youre the best|youre a star|life saver|lifesaver|you have been very helpful|you have been great|youve been great|youve been very helpful|you rock|very kind of you|muchas gracias|vielen dank|mille grazie|dank u|dank je|dank dir",
    ),
    (
        Word::TELLS,
        "my name is|name is|names|number is|my email is|email is|mail is|address is|id is|code is|phone is|its|it is|here is|here are|heres|this is|the number|order number|account number|reference \
         number|booking number|confirmation number|phone number|zip code|postcode|last name|first name|last four|date of birth|born on|i live in|i live at|username is|ssn is|user name is|birthday is|from",
    ),
    (
        Word::ASK,
        "i have a|ive got a|i got a|id like|i would like|would you|could you|can you|will you|can i|could i|may i|i cant|i cannot|i want|i wanted|please help|help me|what about|how about|i was wondering|i am looking|do you|does it|is there|are there|ich hatte|ich habe eine|me gustaria|je voudrais|pouvez vous|puede|puedes|pode|potete|puo|kunt u|kun je|konnen sie|kannst du",
    ),
];

/// Every word with all that it can be, sorted.
static WORDS: LazyLock<Vec<(&'static str, Word)>> = LazyLock::new(|| table(GROUPS, Word::or));

/// Every phrase, sorted by its first word, longer ones first.
static SORTED: LazyLock<Vec<(Vec<&'static str>, Word)>> = LazyLock::new(|| {
    let all = |(kind, group): &(Word, &'static str)| {
        let kind = *kind;
        group
            .split('|')
            .map(move |phrase| (phrase.split(' ').collect::<Vec<_>>(), kind))
    };
    let mut phrases: Vec<_> = PHRASES.iter().flat_map(all).collect();
    phrases.sort_by(|(a, _), (b, _)| a[0].cmp(b[0]).then(b.len().cmp(&a.len())));
    phrases
});

/// What a folded word can be.
pub(super) fn word(word: &str) -> Word {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return Word::DATA;
    }
    let words = &*WORDS;
    words
        .binary_search_by(|(known, _)| (*known).cmp(word))
        .map_or(Word::default(), |at| words[at].1)
}

/// Adds to the words what they are in phrases; the longest phrase at a place alone counts.
pub(super) fn phrases(tokens: &Tokens, kinds: &mut [Word]) {
    let phrases = &*SORTED;
    let mut at = 0;
    while at < kinds.len() {
        let first = tokens.word(at);
        let start = phrases.partition_point(|(words, _)| words[0] < first);
        let here = phrases[start..]
            .iter()
            .take_while(|(words, _)| words[0] == first)
            .find(|(words, _)| {
                words
                    .iter()
                    .enumerate()
                    .all(|(i, word)| tokens.word(at + i) == *word)
            });
        let length = here.map_or(1, |(words, kind)| {
            let keeps = kind.is(Word::ASK.or(Word::TELLS));
            for word in &mut kinds[at..at + words.len()] {
                *word = if keeps { word.or(*kind) } else { *kind };
            }
            words.len()
        });
        at += length;
    }
}
