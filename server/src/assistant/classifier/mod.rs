//! Which intent a text has, and how sure that is.
