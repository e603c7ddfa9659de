//! DDL: parsed, resolved against tables, rendered.

use crate::bytes::{Random, damage};
use crate::corpus::Corpus;

/// The first byte chooses the server and its settings.
pub(crate) fn make(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut text = random.text(&corpus.statements).to_vec();
    match random.below(4) {
        // one follows another
        0 => {
            text.push(b';');
            text.extend_from_slice(random.text(&corpus.statements));
        }
        // words change places
        1 => shuffle(&mut text, random.text(&corpus.statements), random),
        _ => {}
    }
    if !random.once_in(4) {
        damage(&mut text, random.text(&corpus.statements), random);
    }
    text.insert(0, random.byte());
    text
}

fn shuffle(text: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let mut words: Vec<&[u8]> = text.split(|&byte| byte == b' ').collect();
    let others: Vec<&[u8]> = other.split(|&byte| byte == b' ').collect();
    for _ in 0..=random.below(3) {
        let at = random.below(words.len());
        match random.below(4) {
            0 => words[at] = random.text(&others),
            1 => words.insert(at, random.text(&others)),
            2 => words.swap(at, 0),
            _ => {
                let from = random.below(others.len());
                let tail = others[from..].iter().copied();
                words.splice(at.., tail);
            }
        }
        if words.is_empty() {
            break;
        }
    }
    *text = words.join(&b' ');
}

pub(crate) fn take(_: &Corpus, input: &[u8]) -> bool {
    chameleon_ddl::fuzz_parse(input);
    true
}
