//! Where in the binlog reading is.

use std::sync::Arc;

use super::event::{Header, kind};

/// The end of the last event read, counted in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) offset: u64,
}

impl Place {
    /// Moves to the end of an event. Its header holds the lower 32 bits of that place, or 0: events
    /// that the sender made up have no place, and MariaDB 11.7 and later leave it out inside a
    /// transaction.
    pub(super) fn advance(&mut self, header: &Header) {
        let sent_only = matches!(header.kind, kind::HEARTBEAT | kind::HEARTBEAT_V2)
            || header.is_artificial()
            || header.log_pos == 0
                && matches!(
                    header.kind,
                    kind::FORMAT_DESCRIPTION | kind::MARIADB_START_ENCRYPTION
                );
        if sent_only {
            return;
        }
        if header.log_pos == 0 {
            self.offset += u64::from(header.size);
            return;
        }
        self.offset = self.whole(header.log_pos);
    }

    /// Moves on to where the sender is, which has passed over what lies between.
    pub(super) fn pass_over(&mut self, log_pos: u32) {
        if log_pos > 0 {
            self.offset = self.offset.max(self.whole(log_pos));
        }
    }

    /// A place near this one, of which the lower 32 bits are known.
    fn whole(&self, log_pos: u32) -> u64 {
        let wrap = 1_u64 << 32;
        let end = self.offset / wrap * wrap + u64::from(log_pos);
        if end + wrap / 2 < self.offset {
            end + wrap
        } else {
            end
        }
    }

    /// Goes to another file; `false` where it is there already.
    pub(super) fn rotate(&mut self, file: &str, offset: u64) -> bool {
        if *self.file == *file {
            return false;
        }
        self.file = Arc::from(file);
        self.offset = offset;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, size: u32, log_pos: u32, flags: u16) -> Header {
        Header {
            kind,
            size,
            log_pos,
            flags,
            ..Header::default()
        }
    }

    fn place(offset: u64) -> Place {
        Place {
            file: "b.1".into(),
            offset,
        }
    }

    #[test]
    fn the_offset_is_counted_on_beyond_four_gibibytes() {
        let check = |from, log_pos, expect| {
            let mut place = place(from);
            place.advance(&header(kind::XID, 31, log_pos, 0));
            assert_eq!(place.offset, expect);
        };
        check(4, 120, 120);
        check(0xffff_fff0, 15, 0x1_0000_000f);
        check(0x1_0000_000f, 46, 0x1_0000_002e);
        check(0x2_ffff_fff0, 15, 0x3_0000_000f);
        check(100, 0, 131);
        // the server passed over the transactions between
        check(4, 0xf000_0000, 0xf000_0000);
    }

    #[test]
    fn events_that_the_sender_made_up_have_no_place() {
        let mut place = place(500);
        for event in [
            header(kind::FORMAT_DESCRIPTION, 120, 0, 0),
            header(kind::ROTATE, 44, 0, 0x20),
            header(kind::HEARTBEAT, 40, 700, 0),
            header(kind::MARIADB_GTID_LIST, 40, 900, 0x20),
        ] {
            place.advance(&event);
        }
        assert_eq!(place.offset, 500);
        assert!(!place.rotate("b.1", 4));
        assert!(place.rotate("b.2", 4));
        assert_eq!(place.offset, 4);
    }
}
