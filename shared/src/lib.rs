//! The language every part of Frontdesk speaks, and the client side of it.
