//! Lines and columns of a text, quickly for many places.

/// Where the lines of a text begin.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// The last place that was asked for, and its column: the next one is often on the same line.
    last: (usize, usize),
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { text, starts, last: (0, 1) }
    }

    /// Line and column of byte `at`, both from 1, the column in characters.
    pub fn place(&mut self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        let (last, column) = self.last;
        let (from, column) = if (start..=at).contains(&last) { (last, column) } else { (start, 1) };
        let column = column + self.text[from..at].chars().count();
        self.last = (at, column);
        (line, column)
    }

    /// Where line `line`, from 1, begins.
    pub fn start_of(&self, line: usize) -> usize {
        self.starts.get(line - 1).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::sql::Span;

    #[test]
    fn places_are_those_of_the_span() {
        let text = "aé\n\r\nbü c\n";
        let mut lines = Lines::new(text);
        for at in
            (0..=text.len()).chain((0..text.len()).rev()).filter(|at| text.is_char_boundary(*at))
        {
            assert_eq!(lines.place(at), Span::new(at, at).line_and_column(text), "{at}");
        }
        assert_eq!(lines.start_of(3), 6);
    }
}
