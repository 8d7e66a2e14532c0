//! How good the assistant is, measured on labelled data.
