//! Differences of JSON documents, as MySQL logs them under `binlog_row_value_options`.
//!
//! A difference is a list of operations, each with a path and, but for a removal, a value; they are
//! applied to the document of the before image in order. Format: MySQL source,
//! `sql-common/json_diff.cc`; WL#2955.

use super::json::{self, Budget, Container, MAX_DEPTH};

const REPLACE: u8 = 0;
const INSERT: u8 = 1;
const REMOVE: u8 = 2;

/// Appends the text of `document` after the operations of `difference`; `None` where either is
/// damaged or they do not fit together. `out` then ends anywhere.
pub(crate) fn append(document: &[u8], difference: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if difference.is_empty() {
        return json::append(document, out);
    }
    let mut root = Node::read(document)?;
    let mut rest = difference;
    while let Some((&operation, tail)) = rest.split_first() {
        rest = tail;
        let path = parse_path(counted(&mut rest)?)?;
        let value = match operation {
            REPLACE | INSERT => Some(Node::read(counted(&mut rest)?)?),
            REMOVE => None,
            _ => return None,
        };
        root.apply(operation, &path, value)?;
    }
    let start = out.len();
    root.append(0, out)?;
    std::str::from_utf8(&out[start..]).ok()?;
    Some(())
}

/// A document taken apart.
enum Node<'a> {
    /// Members in MySQL's order: shorter names first, then by bytes.
    Object(Vec<(Vec<u8>, Node<'a>)>),
    Array(Vec<Node<'a>>),
    /// Type and bytes, as stored.
    Scalar(u8, &'a [u8]),
}

enum Step {
    Member(Vec<u8>),
    Element(usize),
    /// Counted from the last element.
    FromLast(usize),
}

impl<'a> Node<'a> {
    fn read(document: &'a [u8]) -> Option<Self> {
        let (&kind, data) = document.split_first()?;
        Self::read_value(kind, data, 0, &mut Budget::new(document.len()))
    }

    fn read_value(kind: u8, data: &'a [u8], depth: u32, budget: &mut Budget) -> Option<Self> {
        if kind > json::LARGE_ARRAY {
            return Some(Self::Scalar(kind, data));
        }
        if depth >= MAX_DEPTH {
            return None;
        }
        let container = Container::open(kind, data, budget)?;
        let mut value = |index| {
            let (kind, data) = container.value(index)?;
            Self::read_value(kind, data, depth + 1, budget)
        };
        if !container.object {
            return Some(Self::Array(
                (0..container.count).map(value).collect::<Option<_>>()?,
            ));
        }
        let members =
            (0..container.count).map(|index| Some((container.key(index)?.to_vec(), value(index)?)));
        Some(Self::Object(members.collect::<Option<_>>()?))
    }

    fn apply(&mut self, operation: u8, path: &[Step], value: Option<Node<'a>>) -> Option<()> {
        let Some((last, parents)) = path.split_last() else {
            *self = value.filter(|_| operation == REPLACE)?;
            return Some(());
        };
        let mut parent = self;
        for step in parents {
            parent = parent.child(step)?;
        }
        match (operation, parent, last) {
            (REPLACE, parent, step) => *parent.child(step)? = value?,
            (INSERT, Self::Object(members), Step::Member(name)) => {
                let place = |(have, _): &(Vec<u8>, Node<'_>)| {
                    have.len().cmp(&name.len()).then_with(|| have.cmp(name))
                };
                let at = members.binary_search_by(place).err()?;
                members.insert(at, (name.clone(), value?));
            }
            (INSERT, Self::Array(elements), step) => {
                let len = elements.len();
                let at = match step {
                    Step::Element(at) => (*at).min(len),
                    Step::FromLast(back) => len.saturating_sub(1).saturating_sub(*back),
                    Step::Member(_) => return None,
                };
                elements.insert(at, value?);
            }
            (REMOVE, Self::Object(members), Step::Member(name)) => {
                let at = members.iter().position(|(have, _)| have == name)?;
                members.remove(at);
            }
            (REMOVE, Self::Array(elements), step) => {
                let at = element(step, elements.len())?;
                elements.remove(at);
            }
            _ => return None,
        }
        Some(())
    }

    fn child(&mut self, step: &Step) -> Option<&mut Self> {
        match (self, step) {
            (Self::Object(members), Step::Member(name)) => {
                let found = members.iter_mut().find(|(have, _)| have == name);
                found.map(|(_, node)| node)
            }
            (Self::Array(elements), step) => {
                let at = element(step, elements.len())?;
                elements.get_mut(at)
            }
            // a value that is no array is taken for an array of one
            (scalar, Step::Element(0) | Step::FromLast(0)) => Some(scalar),
            _ => None,
        }
    }

    fn append(&self, depth: u32, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Scalar(kind, data) => {
                return json::append_scalar(*kind, data, &mut Budget::new(data.len()), out);
            }
            _ if depth >= MAX_DEPTH => return None,
            Self::Object(members) => {
                out.push(b'{');
                for (index, (name, node)) in members.iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(b", ");
                    }
                    json::push_string(name, out);
                    out.extend_from_slice(b": ");
                    node.append(depth + 1, out)?;
                }
                out.push(b'}');
            }
            Self::Array(elements) => {
                out.push(b'[');
                for (index, node) in elements.iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(b", ");
                    }
                    node.append(depth + 1, out)?;
                }
                out.push(b']');
            }
        }
        Some(())
    }
}

fn element(step: &Step, len: usize) -> Option<usize> {
    match step {
        Step::Element(at) => Some(*at).filter(|&at| at < len),
        Step::FromLast(back) => len.checked_sub(1)?.checked_sub(*back),
        Step::Member(_) => None,
    }
}

/// Bytes behind the protocol's length number.
fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&first, tail) = rest.split_first()?;
    let width = match first {
        0..=0xfa => 0,
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return None,
    };
    let (number, tail) = tail.split_at_checked(width)?;
    let len = if width == 0 {
        usize::from(first)
    } else {
        let number = number
            .iter()
            .rev()
            .fold(0, |n: u64, &b| n << 8 | u64::from(b));
        usize::try_from(number).ok()?
    };
    let (bytes, tail) = tail.split_at_checked(len)?;
    *rest = tail;
    Some(bytes)
}

/// Reads `$.name."quoted"[3][last-1]`.
fn parse_path(path: &[u8]) -> Option<Vec<Step>> {
    let mut rest = std::str::from_utf8(path).ok()?.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= usize::try_from(MAX_DEPTH).ok()? {
            return None;
        }
        if let Some(index) = rest.strip_prefix('[') {
            let (index, tail) = index.split_once(']')?;
            rest = tail;
            steps.push(match index.strip_prefix("last") {
                Some("") => Step::FromLast(0),
                Some(back) => Step::FromLast(back.strip_prefix('-')?.parse().ok()?),
                None => Step::Element(index.parse().ok()?),
            });
        } else if let Some(quoted) = rest.strip_prefix(".\"") {
            let (name, tail) = unquote(quoted)?;
            rest = tail;
            steps.push(Step::Member(name));
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Member(name.as_bytes()[..end].to_vec()));
            rest = &name[end..];
        }
    }
    Some(steps)
}

/// A JSON string behind its opening quote, and what follows its closing one.
fn unquote(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut name = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((name.into_bytes(), chars.as_str())),
            '\\' => name.push(match chars.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (first, tail) = hex_unit(chars.as_str())?;
                    chars = tail.chars();
                    if (0xd800..0xdc00).contains(&first) {
                        let (second, tail) = hex_unit(tail.strip_prefix("\\u")?)?;
                        chars = tail.chars();
                        char::decode_utf16([first, second]).next()?.ok()?
                    } else {
                        char::from_u32(u32::from(first))?
                    }
                }
                other => other,
            }),
            other => name.push(other),
        }
    }
}

fn hex_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let (pairs, _) = hex.as_bytes().as_chunks::<2>();
        let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        pairs.iter().map(pair).collect()
    }

    fn text(document: &[u8], difference: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        append(document, difference, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn differences_of_the_server_give_the_documents_of_the_server() {
        let path = "/../../../testdata/binlog/json_differences.txt";
        let path = format!("{}{path}", env!("CARGO_MANIFEST_DIR"));
        let cases = std::fs::read_to_string(path).unwrap();
        let mut count = 0;
        for case in cases.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = case.splitn(3, '|');
            let document = bytes(parts.next().unwrap());
            let difference = bytes(parts.next().unwrap());
            let expect = parts.next().unwrap();
            assert_eq!(text(&document, &difference).as_deref(), Some(expect));
            for cut in 1..difference.len() {
                // a difference that is cut off is refused or ends with a whole operation
                let _ = text(&document, &difference[..cut]);
            }
            count += 1;
        }
        assert_eq!(count, 12);
    }

    #[test]
    fn a_difference_that_does_not_fit_is_refused() {
        // [1, 2]
        let array = bytes("0202000a00050100050200");
        assert_eq!(text(&array, b"").as_deref(), Some("[1, 2]"));
        let replace = |path: &str| [&[0, 4], path.as_bytes(), &[3, 5, 7, 0]].concat();
        assert_eq!(text(&array, &replace("$[1]")).as_deref(), Some("[1, 7]"));
        assert_eq!(text(&array, &replace("$[2]")), None);
        assert_eq!(text(&array, &replace("$.ab")), None);
        assert_eq!(text(&array, &replace("$\"x\"")), None);
        assert_eq!(text(&array, &[9, 1, b'$']), None);
        assert_eq!(text(&array, &[2, 1, b'$']), None);
        assert_eq!(text(&array, &[2, 0xff]), None);
    }

    #[test]
    fn names_in_paths_are_unquoted() {
        let name = |text| unquote(text).map(|(n, rest)| (String::from_utf8(n).unwrap(), rest));
        assert_eq!(
            name(r#"a\"\u00e4\ud83e\udd8e\n"[1]"#),
            Some(("a\"ä🦎\n".into(), "[1]"))
        );
        assert_eq!(name(r#"\ud83e"#), None);
        assert_eq!(name("a"), None);
    }
}
