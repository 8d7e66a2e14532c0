//! Finding a line by some of its letters: the one matcher of palette and lists.

/// How well `query` fits `text`, higher is better; none when its letters are not all there in
/// order. Case is ignored; starts of words and letters side by side count more.
pub fn score(query: &str, text: &str) -> Option<u32> {
    let wanted: Vec<char> = lower(query).filter(|c| !c.is_whitespace()).collect();
    if wanted.is_empty() {
        return Some(0);
    }
    let letters: Vec<char> = lower(text).collect();
    // Greedy from each place where the first letter is, best of all.
    let starts = letters.iter().enumerate().filter(|(_, c)| **c == wanted[0]);
    starts
        .filter_map(|(start, _)| walk(&wanted, &letters, start))
        .max()
}

fn walk(wanted: &[char], letters: &[char], start: usize) -> Option<u32> {
    let mut total = 0;
    let mut next = start;
    let mut last: Option<usize> = None;
    for wish in wanted {
        let at = next + letters[next..].iter().position(|c| c == wish)?;
        let begins_word = at == 0 || !letters[at - 1].is_alphanumeric();
        total += match (last, begins_word) {
            (Some(last), _) if last + 1 == at => 4,
            (_, true) => 3,
            _ => 1,
        };
        if at == 0 {
            total += 4;
        }
        last = Some(at);
        next = at + 1;
    }
    Some(total)
}

fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn the_start_of_a_word_is_worth_more_than_its_middle() {
        assert!(score("bil", "Billing") > score("bil", "mobility"));
        assert!(score("tr", "transfer") > score("tr", "retry"));
        assert!(score("cp", "close pane") > score("cp", "escape"));
        assert_eq!(score("", "anything"), Some(0));
        assert_eq!(score("xyz", "Billing"), None);
        assert_eq!(score("gb", "Big"), None, "order matters");
    }
}
