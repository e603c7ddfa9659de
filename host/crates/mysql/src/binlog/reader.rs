//! Bytes of an event, read from the front.

/// What is left of an event. Every method takes from the front; `None` means that too little is
/// left, which the caller turns into an error that names the event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.chunk().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.chunk().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }

    /// A little-endian number of up to eight bytes.
    pub(super) fn uint(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// The protocol's number of one, three, four or nine bytes.
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.u8()? {
            0xfc => self.uint(2),
            0xfd => self.uint(3),
            0xfe => self.u64(),
            0xfb | 0xff => None,
            small => Some(u64::from(small)),
        }
    }

    /// A [`Reader::length`] that counts something in memory.
    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.length()?).ok()
    }

    /// Bytes behind their [`Reader::length`].
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let bytes = self.count()?;
        self.take(bytes)
    }

    /// MySQL's serialization library: the ones that end the first byte count the bytes that follow.
    pub(super) fn varlen(&mut self) -> Option<u64> {
        let more = self.0.first()?.trailing_ones();
        if more == 8 {
            self.u8()?;
            return self.u64();
        }
        let bytes = usize::try_from(more).ok()? + 1;
        Some(self.uint(bytes)? >> bytes)
    }

    /// Signed form of [`Reader::varlen`]: the sign is the lowest bit.
    pub(super) fn varlen_signed(&mut self) -> Option<i64> {
        let bits = self.varlen()?;
        let value = i64::try_from(bits >> 1).ok()?;
        Some(if bits & 1 == 0 { value } else { !value })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_form_are_read() {
        let length = |bytes: &[u8]| Reader(bytes).length();
        assert_eq!(length(&[0xfa]), Some(250));
        assert_eq!(length(&[0xfc, 1, 2]), Some(0x201));
        assert_eq!(length(&[0xfd, 1, 2, 3]), Some(0x3_0201));
        assert_eq!(
            length(&[0xfe, 1, 0, 0, 0, 0, 0, 0, 1]),
            Some(0x100_0000_0000_0001)
        );
        assert_eq!(length(&[0xfb]), None);
        assert_eq!(length(&[0xfc, 1]), None);
        let varlen = |bytes: &[u8]| Reader(bytes).varlen();
        assert_eq!(varlen(&[0b10]), Some(1));
        assert_eq!(varlen(&[0b0000_0101, 0b1000]), Some(0x201));
        assert_eq!(
            varlen(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0x80]),
            Some(1 | 1 << 63)
        );
        assert_eq!(varlen(&[0xff, 1]), None);
        assert_eq!(varlen(&[]), None);
        assert_eq!(Reader(&[0b110]).varlen_signed(), Some(!1));
        assert_eq!(Reader(&[0b100]).varlen_signed(), Some(1));
    }
}
