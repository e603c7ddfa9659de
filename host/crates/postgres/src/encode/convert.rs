//! Cells as typed values. Both the binary and the text form are made from these, so that they
//! cannot differ.

use std::net::IpAddr;

use chameleon_model::{Cell, ChangeBuffer, ZeroDatePolicy};

use super::ColumnEncoder;
use super::calendar::{
    DAY_MICROS, MINUS_INFINITY_DAYS, MINUS_INFINITY_MICROS, UNIX_EPOCH_DAYS, UNIX_EPOCH_MICROS,
    pg_days, pg_micros,
};
use super::decimal::Decimal;
use crate::error::EncodeError;

/// Why a cell of the wrong variant is refused.
#[cold]
pub(super) fn misfit(cell: Cell) -> EncodeError {
    match cell {
        Cell::Absent => EncodeError::Absent,
        Cell::Odd(_) => EncodeError::InvalidText,
        _ => EncodeError::Mismatch,
    }
}

/// An integer in the target's range.
pub(super) fn integer<T: TryFrom<i64> + TryFrom<u64>>(cell: Cell) -> Result<T, EncodeError> {
    match cell {
        Cell::Int(value) => T::try_from(value).map_err(|_| EncodeError::OutOfRange),
        Cell::UInt(value) => T::try_from(value).map_err(|_| EncodeError::OutOfRange),
        other => Err(misfit(other)),
    }
}

/// An integer as sign and magnitude.
pub(super) fn magnitude(cell: Cell) -> Result<(bool, u64), EncodeError> {
    match cell {
        Cell::Int(value) => Ok((value < 0, value.unsigned_abs())),
        Cell::UInt(value) => Ok((false, value)),
        other => Err(misfit(other)),
    }
}

/// An integer that a float of that many mantissa bits holds exactly.
fn exact_magnitude(cell: Cell, mantissa_bits: u32) -> Result<(bool, u64), EncodeError> {
    let (negative, value) = magnitude(cell)?;
    let used = (64 - value.leading_zeros()).saturating_sub(value.trailing_zeros());
    if used <= mantissa_bits {
        Ok((negative, value))
    } else {
        Err(EncodeError::OutOfRange)
    }
}

/// An integer as real, if that is exact.
pub(super) fn integer_f32(cell: Cell) -> Result<f32, EncodeError> {
    let (negative, value) = exact_magnitude(cell, f32::MANTISSA_DIGITS)?;
    let float = value as f32;
    Ok(if negative { -float } else { float })
}

/// An integer as double precision, if that is exact.
pub(super) fn integer_f64(cell: Cell) -> Result<f64, EncodeError> {
    let (negative, value) = exact_magnitude(cell, f64::MANTISSA_DIGITS)?;
    let float = value as f64;
    Ok(if negative { -float } else { float })
}

/// A float as real, if that is exact.
pub(super) fn float32(cell: Cell) -> Result<f32, EncodeError> {
    match cell {
        Cell::Float(value) => Ok(value),
        Cell::Double(value) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what is lost is noticed by the comparison"
            )]
            let narrow = value as f32;
            if f64::from(narrow).to_bits() == value.to_bits() {
                Ok(narrow)
            } else {
                Err(EncodeError::OutOfRange)
            }
        }
        other => Err(misfit(other)),
    }
}

/// A float as double precision.
pub(super) fn float64(cell: Cell) -> Result<f64, EncodeError> {
    match cell {
        Cell::Double(value) => Ok(value),
        Cell::Float(value) => Ok(f64::from(value)),
        other => Err(misfit(other)),
    }
}

/// The text of a decimal cell.
pub(super) fn decimal_text(buffer: &ChangeBuffer, cell: Cell) -> Result<&[u8], EncodeError> {
    match cell {
        Cell::Text(span) => Ok(buffer.slice(span)),
        other => Err(misfit(other)),
    }
}

/// A decimal as a float that shows the same digits again: those of up to 15 (double precision) or
/// 6 (real) significant digits always do.
pub(super) fn decimal_float<T>(text: &[u8], digits: u32) -> Result<T, EncodeError>
where
    T: std::str::FromStr + Into<f64> + Copy,
{
    let decimal = Decimal::parse(text)?;
    let precision = decimal.precision();
    if precision > usize::try_from(digits).unwrap_or_default() {
        return Err(EncodeError::OutOfRange);
    }
    let text = std::str::from_utf8(text).map_err(|_| EncodeError::NotAValue)?;
    let value: T = text.parse().map_err(|_| EncodeError::NotAValue)?;
    let wide: f64 = value.into();
    // too large became infinite; too small became zero
    if wide.is_infinite() || (wide == 0.0 && precision > 0) {
        return Err(EncodeError::OutOfRange);
    }
    Ok(value)
}

/// A float in decimal digits without exponent; the longest double has 326 of them and a few signs.
pub(super) struct FloatDigits {
    text: [u8; 400],
    len: usize,
}

impl FloatDigits {
    pub(super) fn new(cell: Cell) -> Result<Self, EncodeError> {
        use std::fmt::Write as _;
        let mut digits = Self {
            text: [0; 400],
            len: 0,
        };
        match cell {
            Cell::Float(value) if value.is_finite() => write!(digits, "{value}"),
            Cell::Double(value) if value.is_finite() => write!(digits, "{value}"),
            Cell::Float(_) | Cell::Double(_) => return Err(EncodeError::OutOfRange),
            other => return Err(misfit(other)),
        }
        .map_err(|_| EncodeError::OutOfRange)?;
        Ok(digits)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl std::fmt::Write for FloatDigits {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.len + part.len();
        let room = self.text.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Bits that fit in a bit string of that length.
pub(super) fn bits(cell: Cell, length: u32) -> Result<u64, EncodeError> {
    match cell {
        Cell::UInt(value) if 64 - value.leading_zeros() <= length => Ok(value),
        Cell::UInt(_) => Err(EncodeError::OutOfRange),
        other => Err(misfit(other)),
    }
}

/// A multiple of `unit`, which is 1 where all values are.
pub(super) fn whole_units(micros: i64, unit: i64) -> Result<i64, EncodeError> {
    if unit == 1 || micros % unit == 0 {
        Ok(micros)
    } else {
        Err(EncodeError::OutOfRange)
    }
}

/// A duration in whole units.
pub(super) fn duration(cell: Cell, unit: i64) -> Result<i64, EncodeError> {
    match cell {
        Cell::Micros(micros) => whole_units(micros, unit),
        other => Err(misfit(other)),
    }
}

/// A duration that is a time of day, 24:00:00 included.
pub(super) fn time_of_day(cell: Cell, unit: i64) -> Result<i64, EncodeError> {
    let micros = duration(cell, unit)?;
    if (0..=DAY_MICROS).contains(&micros) {
        Ok(micros)
    } else {
        Err(EncodeError::OutOfRange)
    }
}

/// A UUID from its text (hyphens anywhere) or its sixteen bytes.
pub(super) fn uuid(buffer: &ChangeBuffer, cell: Cell) -> Result<[u8; 16], EncodeError> {
    let text = match cell {
        Cell::Bytes(span) => {
            return <[u8; 16]>::try_from(buffer.slice(span)).map_err(|_| EncodeError::NotAValue);
        }
        Cell::Text(span) => buffer.slice(span),
        other => return Err(misfit(other)),
    };
    let mut uuid = [0u8; 16];
    let mut digits = 0;
    for &byte in text.iter().filter(|&&b| b != b'-') {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(EncodeError::NotAValue),
        };
        let place = uuid.get_mut(digits / 2).ok_or(EncodeError::NotAValue)?;
        *place = *place << 4 | digit;
        digits += 1;
    }
    if digits == 32 {
        Ok(uuid)
    } else {
        Err(EncodeError::NotAValue)
    }
}

/// An address and its prefix length from text (`::1`, `10.0.0.0/8`) or from four or sixteen bytes.
pub(super) fn address(buffer: &ChangeBuffer, cell: Cell) -> Result<(IpAddr, u8), EncodeError> {
    let (address, prefix) = match cell {
        Cell::Bytes(span) => {
            let bytes = buffer.slice(span);
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let any = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            (any.map_err(|_| EncodeError::NotAValue)?, None)
        }
        Cell::Text(span) => {
            let text = buffer.text(span);
            let (address, prefix) = match text.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix)),
                None => (text, None),
            };
            (address.parse().map_err(|_| EncodeError::NotAValue)?, prefix)
        }
        other => return Err(misfit(other)),
    };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => whole,
        Some(text) => text.parse().map_err(|_| EncodeError::NotAValue)?,
    };
    if prefix <= whole {
        Ok((address, prefix))
    } else {
        Err(EncodeError::NotAValue)
    }
}

/// The floats of a VECTOR.
pub(super) fn floats(
    buffer: &ChangeBuffer,
    cell: Cell,
) -> Result<impl ExactSizeIterator<Item = f32>, EncodeError> {
    let Cell::Bytes(span) = cell else {
        return Err(misfit(cell));
    };
    let (words, rest) = buffer.slice(span).as_chunks::<4>();
    if !rest.is_empty() {
        return Err(EncodeError::NotAValue);
    }
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)))
}

impl ColumnEncoder {
    /// A date of PostgreSQL, or `None` for NULL.
    pub(super) fn date(&self, cell: Cell) -> Result<Option<i32>, EncodeError> {
        let days = match cell {
            Cell::Days(days) => days,
            Cell::Micros(micros) if micros % DAY_MICROS == 0 => {
                i32::try_from(micros / DAY_MICROS).map_err(|_| EncodeError::OutOfRange)?
            }
            Cell::Micros(_) => return Err(EncodeError::OutOfRange),
            Cell::Odd(_) => {
                return self.zero_date(UNIX_EPOCH_DAYS, MINUS_INFINITY_DAYS);
            }
            other => return Err(misfit(other)),
        };
        pg_days(days).map(Some).ok_or(EncodeError::OutOfRange)
    }

    /// A timestamp of PostgreSQL in whole units, or `None` for NULL.
    pub(super) fn timestamp(&self, cell: Cell, unit: i64) -> Result<Option<i64>, EncodeError> {
        let micros = match cell {
            Cell::Micros(micros) => whole_units(micros, unit)?,
            Cell::Days(days) => i64::from(days)
                .checked_mul(DAY_MICROS)
                .ok_or(EncodeError::OutOfRange)?,
            Cell::Odd(_) => {
                return self.zero_date(UNIX_EPOCH_MICROS, MINUS_INFINITY_MICROS);
            }
            other => return Err(misfit(other)),
        };
        pg_micros(micros).map(Some).ok_or(EncodeError::OutOfRange)
    }

    fn zero_date<T>(&self, epoch: T, minus_infinity: T) -> Result<Option<T>, EncodeError> {
        match self.zero_date {
            ZeroDatePolicy::Null => Ok(None),
            ZeroDatePolicy::Epoch => Ok(Some(epoch)),
            ZeroDatePolicy::MinusInfinity => Ok(Some(minus_infinity)),
            ZeroDatePolicy::Fail => Err(EncodeError::ZeroDate),
        }
    }

    /// The label of an ENUM index; 0 is the error value `''`.
    pub(super) fn label(&self, cell: Cell) -> Result<&str, EncodeError> {
        let index: usize = match cell {
            Cell::UInt(0) if self.lacks_empty_label => return Err(EncodeError::UnknownLabel),
            Cell::UInt(0) => return Ok(""),
            Cell::UInt(index) => usize::try_from(index - 1).unwrap_or(usize::MAX),
            other => return Err(misfit(other)),
        };
        let label = self.labels.get(index).ok_or(EncodeError::UnknownLabel)?;
        Ok(label)
    }

    /// The labels of a SET bitmap in declared order.
    pub(super) fn members(&self, cell: Cell) -> Result<impl Iterator<Item = &str>, EncodeError> {
        let Cell::UInt(bitmap) = cell else {
            return Err(misfit(cell));
        };
        let known = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        if 64 - bitmap.leading_zeros() > known {
            return Err(EncodeError::UnknownLabel);
        }
        let has = move |bit: usize| bitmap >> bit & 1 == 1;
        let labels = self.labels.iter().take(64).enumerate();
        Ok(labels
            .filter(move |&(bit, _)| has(bit))
            .map(|(_, label)| label.as_ref()))
    }
}
