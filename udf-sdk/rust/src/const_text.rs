//! Text put together while the module is compiled: names of types that are made of others.

/// Text of at most `N` bytes.
pub struct ConstText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> ConstText<N> {
    pub const fn new(text: &str) -> ConstText<N> {
        ConstText { bytes: [0; N], len: 0 }.text(text)
    }

    /// With this behind it.
    pub const fn text(mut self, text: &str) -> ConstText<N> {
        assert!(self.len + text.len() <= N, "the name of a type is too long");
        let mut index = 0;
        while index < text.len() {
            self.bytes[self.len] = text.as_bytes()[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    /// With a number of at most two digits behind it.
    pub const fn number(self, number: u8) -> ConstText<N> {
        let digits = [b'0' + number / 10, b'0' + number % 10];
        let (_, shown) = digits.split_at(if number < 10 { 1 } else { 0 });
        match core::str::from_utf8(shown) {
            Ok(digits) => self.text(digits),
            Err(_) => self,
        }
    }

    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}
