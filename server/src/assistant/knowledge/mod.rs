//! The knowledge base: a folder of Markdown, read, checked, searched.
