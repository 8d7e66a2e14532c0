//! Whether a customer asks for a person: a rule that no setting turns off.
