//! What a message of a customer does: greet, thank, affirm, deny, ask.
