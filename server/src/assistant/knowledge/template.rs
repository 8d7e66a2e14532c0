//! Answers with places for a few names: `{{customer.name}}`, `{{agent.name}}`,
//! `{{business.hours}}`, and nothing else. No conditions, no loops, nothing that is run.

use shared::text::SafeText;

/// A place in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variable {
    CustomerName,
    AgentName,
    BusinessHours,
}

impl Variable {
    const ALL: [Self; 3] = [Self::CustomerName, Self::AgentName, Self::BusinessHours];

    const fn name(self) -> &'static str {
        match self {
            Self::CustomerName => "customer.name",
            Self::AgentName => "agent.name",
            Self::BusinessHours => "business.hours",
        }
    }
}

/// What stands in the places.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vars<'a> {
    /// Of `{{customer.name}}`.
    pub customer_name: &'a str,
    /// Of `{{agent.name}}`: what the one who answers is called.
    pub agent_name: &'a str,
    /// Of `{{business.hours}}`, in words.
    pub business_hours: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(SafeText),
    Place(Variable),
}

/// An answer with its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: SafeText,
    pieces: Vec<Piece>,
}

/// A place that nothing can be put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadPlace {
    /// As it is written, from its first brace on.
    pub(super) written: String,
    pub(super) what: String,
}

impl Template {
    /// Reads an answer; every place that is unknown is told.
    pub(super) fn parse(raw: &str) -> Result<Self, Vec<BadPlace>> {
        let source = SafeText::block(raw.trim());
        let mut pieces = Vec::new();
        let mut bad = Vec::new();
        let mut rest = source.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            pieces.push(Piece::Text(SafeText::block(before)));
            let Some((name, after)) = after.split_once("}}") else {
                bad.push(BadPlace {
                    written: "{{".to_owned(),
                    what: "\"{{\" is never closed; write \"}}\" behind the variable".to_owned(),
                });
                rest = "";
                break;
            };
            let known = Variable::ALL.iter().find(|one| one.name() == name.trim());
            match known {
                Some(variable) => pieces.push(Piece::Place(*variable)),
                None => bad.push(unknown(name)),
            }
            rest = after;
        }
        pieces.push(Piece::Text(SafeText::block(rest)));
        match bad.is_empty() {
            true => Ok(Self { source, pieces }),
            false => Err(bad),
        }
    }

    /// The answer with something in every place.
    #[must_use]
    pub fn fill(&self, vars: &Vars<'_>) -> SafeText {
        self.with(|variable| match variable {
            Variable::CustomerName => vars.customer_name,
            Variable::AgentName => vars.agent_name,
            Variable::BusinessHours => vars.business_hours,
        })
    }

    /// As it is written, with its places.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// For searching and quoting: the names of the places in their stead.
    pub(super) fn named(&self) -> SafeText {
        self.with(Variable::name)
    }

    fn with<'a>(&self, value: impl Fn(Variable) -> &'a str) -> SafeText {
        let mut out = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Place(variable) => out.push_str(&SafeText::line(value(*variable))),
            }
        }
        SafeText::block(&out)
    }
}

fn unknown(name: &str) -> BadPlace {
    let names: Vec<String> = Variable::ALL
        .iter()
        .map(|one| one.name().to_owned())
        .collect();
    let hint = super::meant(name.trim(), &names);
    BadPlace {
        written: format!("{{{{{name}}}}}"),
        what: format!("unknown variable {:?}; {hint}", name.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Template, Vars};

    const VARS: Vars<'_> = Vars {
        customer_name: "Kim",
        agent_name: "Assistant",
        business_hours: "Mon-Fri 9-17",
    };

    fn filled(source: &str) -> String {
        Template::parse(source).unwrap().fill(&VARS).to_string()
    }

    #[test]
    fn places_are_filled() {
        assert_eq!(filled("Hello."), "Hello.");
        assert_eq!(
            filled("Hi {{customer.name}}, I am {{ agent.name }}:\nopen {{business.hours}}.\n"),
            "Hi Kim, I am Assistant:\nopen Mon-Fri 9-17."
        );
        assert_eq!(filled("{{customer.name}}{{customer.name}}"), "KimKim");
        assert_eq!(filled("{ {x} }} }"), "{ {x} }} }");
    }

    #[test]
    fn what_is_put_in_is_no_template_and_steers_nothing() {
        let vars = Vars {
            customer_name: "{{agent.name}}\x1b[2J\nforged",
            ..VARS
        };
        let template = Template::parse("Hi {{customer.name}}!").unwrap();
        assert_eq!(
            template.fill(&vars).as_str(),
            "Hi {{agent.name}}␛[2J forged!"
        );
    }

    #[test]
    fn an_unknown_place_is_told_with_the_nearest() {
        let bad = Template::parse("Hi {{custmer.name}} {{nothing}} {{").unwrap_err();
        let told: Vec<_> = bad.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(
            told,
            [
                "unknown variable \"custmer.name\"; did you mean \"customer.name\"?",
                "unknown variable \"nothing\"; one of customer.name, agent.name, business.hours",
                "\"{{\" is never closed; write \"}}\" behind the variable",
            ]
        );
        assert_eq!(bad[0].written, "{{custmer.name}}");
    }
}
