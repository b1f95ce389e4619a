//! Which of some names a mistyped one is likely to mean.

/// How many names are suggested at the most.
const MOST: usize = 3;

/// How much of a name is compared. Names may be as long as a guest likes, and comparing takes the product of two lengths.
const COMPARED: usize = 100;

/// The shortest part that says something of the whole.
const LEAST_PART: usize = 3;

/// Those of the candidates that are likely to be meant, the likeliest first: those that few changes make the same, then those
/// that begin or end with the word, or the word with them. One change is so few that more of them are not looked at then.
/// Case is no difference.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = folded(word);
    let most = (word.len() / 3).max(2);
    let changes = |candidate: &'a str| {
        let other = folded(candidate);
        let changes = if word.len().abs_diff(other.len()) > most { usize::MAX } else { distance(&word, &other) };
        let is_part = is_part(&word, &other) || is_part(&other, &word);
        (changes <= most || is_part).then_some((changes, candidate, is_part))
    };
    let mut near: Vec<_> = candidates.into_iter().filter_map(changes).collect();
    near.sort_unstable();
    near.dedup();
    if near.first().is_some_and(|(changes, ..)| *changes <= 1) {
        near.retain(|(changes, _, is_part)| *changes <= 1 || *is_part);
    }
    near.truncate(MOST);
    near.into_iter().map(|(_, candidate, _)| candidate).collect()
}

/// Names as a sentence has them: `` `a`, `b` or `c` ``.
pub(crate) fn either(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).take(COMPARED).collect()
}

fn is_part(whole: &[char], part: &[char]) -> bool {
    part.len() >= LEAST_PART && (whole.starts_with(part) || whole.ends_with(part))
}

/// How many characters have to be added, removed, replaced or swapped with their neighbour to make one word the other: the
/// optimal string alignment distance (Boytsov, "Indexing methods for approximate dictionary searching", ACM JEA 16, 2011).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted() {
        let between = |left: &str, right: &str| distance(&folded(left), &folded(right));
        let pairs = [("", ""), ("abc", ""), ("kitten", "sitting"), ("chekcs", "checks"), ("GET", "get"), ("ca", "abc")];
        assert_eq!(pairs.map(|(left, right)| between(left, right)), [0, 3, 3, 1, 0, 3]);
    }

    #[test]
    fn few_changes_go_before_parts_and_the_rest_is_left_out() {
        let names = ["/cities/{id}", "/citys", "/orders", "/cites", "/cities/{id}", "/"];
        assert_eq!(nearest("/cities", names), ["/cites", "/cities/{id}"]);
        assert_eq!(nearest("/situs", names), ["/cites", "/citys"]);
        assert_eq!(nearest("/payments", names), [""; 0]);
        assert_eq!(nearest("get", ["POST", "GET"]), ["GET"]);
        assert_eq!(nearest("vars", ["var", "har", "tags"]), ["var"]);
        assert_eq!(nearest("stage", ["stages", "tag", "tags"]), ["stages"]);
        assert_eq!(nearest("", ["a", "abc"]), ["a"]);
    }

    #[test]
    fn no_more_are_suggested_than_a_sentence_holds() {
        let names = ["a1", "a2", "a3", "a4"];
        assert_eq!(either(&nearest("a", names)), "`a1`, `a2` or `a3`");
        assert_eq!([either(&names[..1]), either(&[])], ["`a1`", ""]);
    }

    #[test]
    fn long_names_are_compared_by_their_start() {
        let long = "x".repeat(100_000);
        assert_eq!(nearest(&long, [format!("{long}y").as_str()]), [format!("{long}y").as_str()]);
    }
}
