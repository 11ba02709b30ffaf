//! Drawing: a plane with labelled axes, on which curves, bars and marks are put, as SVG.
//!
//! Colours are the page's (by class), so that a plot is readable on light and on dark.

use std::fmt::Write;

/// The picture's size and the plane's margins in it.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 46.0;

/// An axis: what it is called, with its unit, and its range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Each factor of ten is equally long.
    pub(super) logarithmic: bool,
}

impl Axis {
    /// From 0 to at least `most`, and not much more.
    pub(super) fn up_to(label: &'static str, most: f64) -> Self {
        let step = step(most.max(1e-6));
        Self { label, from: 0.0, to: (most / step).ceil().max(1.0) * step, logarithmic: false }
    }

    /// From 0 to exactly `end`.
    pub(super) fn until(label: &'static str, end: f64) -> Self {
        Self { label, from: 0.0, to: end.max(1e-6), logarithmic: false }
    }

    /// Around `least` and `most`, which are above 0, on a logarithmic scale.
    pub(super) fn decades(label: &'static str, least: f64, most: f64) -> Self {
        let least = least.max(1e-4);
        // A little air, and never nothing between the ends.
        Self { label, from: least / 1.2, to: most.max(least * 2.0) * 1.2, logarithmic: true }
    }

    /// Where a value is, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        place.clamp(0.0, 1.0)
    }

    /// Values that are written at the axis.
    fn ticks(&self) -> Vec<f64> {
        if !self.logarithmic {
            let step = step(self.to - self.from);
            return (0..=10)
                .map(|n| self.from + f64::from(n) * step)
                .filter(|tick| *tick <= self.to * 1.0001)
                .collect();
        }
        let decades = (self.to / self.from).log10();
        // Few decades have room for more than their powers of ten.
        let within: &[f64] = if decades > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = (-4..=7).map(|power| 10_f64.powi(power));
        let ticks = powers.flat_map(|power| within.iter().map(move |digit| digit * power));
        ticks.filter(|tick| (self.from..=self.to).contains(tick)).collect()
    }
}

/// A round step of which four to eight fit into `range`.
fn step(range: f64) -> f64 {
    let power = 10_f64.powf((range / 8.0).log10().floor());
    let rounds = [1.0, 2.0, 2.5, 5.0, 10.0].map(|round| round * power);
    rounds.into_iter().find(|step| range / step <= 8.0).unwrap_or(power * 10.0)
}

/// A number as it is written at an axis.
pub(super) fn short(value: f64) -> String {
    let text = if value.abs() >= 1_000.0 {
        return format!("{}k", short(value / 1_000.0));
    } else if value == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A picture in the making.
pub(super) struct Chart {
    x: Axis,
    y: Axis,
    svg: String,
}

impl Chart {
    /// A plane with its axes; `title` is read to who cannot see it.
    pub(super) fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self::with_ticks(title, x, y, true)
    }

    /// The same without numbers at the lower axis, for bars that have names of their own.
    pub(super) fn with_ticks(title: &str, x: Axis, y: Axis, numbers: bool) -> Self {
        let mut chart = Self { x, y, svg: String::with_capacity(8 << 10) };
        let title = escape(title);
        chart.put(&format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"));
        let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
        for tick in y.ticks() {
            let at = chart.y(tick);
            chart.line("grid", left, at, right, at);
            chart.text("", left - 8.0, at + 4.0, "end", &short(tick));
        }
        if numbers {
            for tick in x.ticks() {
                let at = chart.x(tick);
                chart.line("axis", at, bottom, at, bottom + 4.0);
                chart.text("", at, bottom + 18.0, "middle", &short(tick));
            }
        }
        chart.line("axis", left, bottom, right, bottom);
        chart.text("", f64::midpoint(left, right), HEIGHT - 6.0, "middle", x.label);
        let middle = f64::midpoint(top, bottom);
        chart.put(&format!(
            "<text transform=\"translate(14 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(y.label)
        ));
        chart
    }

    fn put(&mut self, element: &str) {
        self.svg.push_str(element);
        self.svg.push('\n');
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - BOTTOM - TOP)
    }

    fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.put(&format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"));
    }

    fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escape(text);
        self.put(&format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    /// A curve through points; it is interrupted where there is no value.
    pub(super) fn curve(&mut self, class: &str, points: &[(f64, Option<f64>)]) {
        let mut path = String::new();
        let mut pen = "M";
        for (x, y) in points {
            let Some(y) = y else {
                pen = "M";
                continue;
            };
            let _ = write!(path, "{pen}{:.1} {:.1}", self.x(*x), self.y(*y));
            if pen == "M" {
                // Of no length, and drawn by the pen's round end: a point between two gaps shows.
                path.push_str("l0 0");
            }
            pen = "L";
        }
        self.put(&format!("<path class=\"curve {class}\" d=\"{path}\"/>"));
    }

    /// The area below a curve.
    pub(super) fn area(&mut self, points: &[(f64, f64)]) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let floor = HEIGHT - BOTTOM;
        let mut path = format!("M{:.1} {floor:.1}", self.x(first.0));
        for (x, y) in points {
            let _ = write!(path, "L{:.1} {:.1}", self.x(*x), self.y(*y));
        }
        let _ = write!(path, "L{:.1} {floor:.1}Z", self.x(last.0));
        self.put(&format!("<path class=\"area\" d=\"{path}\"/>"));
    }

    /// A bar between two values, with words for who points at it.
    pub(super) fn bar(&mut self, class: &str, from: f64, to: f64, height: f64, words: &str) {
        let (left, right, top) = (self.x(from), self.x(to), self.y(height));
        let (width, height) = ((right - left - 1.0).max(0.5), HEIGHT - BOTTOM - top);
        let words = escape(words);
        self.put(&format!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{words}</title></rect>"
        ));
    }

    /// A name below a bar.
    pub(super) fn name(&mut self, at: f64, name: &str) {
        let x = self.x(at);
        self.text("", x, HEIGHT - BOTTOM + 18.0, "middle", name);
    }

    /// A line from top to bottom with words at its top.
    pub(super) fn upright(&mut self, class: &str, text_class: &str, at: f64, words: &str) {
        let x = self.x(at);
        self.line(class, x, TOP, x, HEIGHT - BOTTOM);
        if !words.is_empty() {
            self.text(text_class, x + 4.0, TOP + 10.0, "start", words);
        }
    }

    /// A stretch from top to bottom.
    pub(super) fn stretch(&mut self, class: &str, from: f64, to: f64, words: &str) {
        let whole = if self.y.logarithmic { self.y.to } else { self.y.to.max(self.y.from) };
        self.bar(class, from, to, whole, words);
    }

    /// A small mark on the lower axis.
    pub(super) fn mark(&mut self, class: &str, at: f64, words: &str) {
        let (x, y) = (self.x(at), HEIGHT - BOTTOM);
        let words = escape(words);
        self.put(&format!(
            "<path class=\"{class}\" d=\"M{x:.1} {:.1}l3 6h-6z\"><title>{words}</title></path>",
            y - 7.0
        ));
    }

    /// Names of what is drawn, above the plane: each with the class of its text.
    pub(super) fn legend(&mut self, names: &[(&str, &str)]) {
        let mut x = LEFT;
        for (class, name) in names {
            self.text(class, x, 12.0, "start", name);
            x += f64::from(u16::try_from(name.chars().count()).unwrap_or(u16::MAX)) * 7.0 + 22.0;
        }
    }

    /// The picture.
    pub(super) fn finish(mut self) -> String {
        self.put("</svg>");
        self.svg
    }
}

/// Text as it is written between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_axes_are_short() {
        let written = [(0.0, "0"), (0.25, "0.25"), (5.0, "5"), (120.0, "120"), (2_500.0, "2.5k"), (15_000.0, "15k")];
        for (value, expected) in written {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn axes_hold_their_values_and_have_a_few_round_numbers() {
        for most in [0.3, 7.0, 99.0, 16_384.0] {
            let axis = Axis::up_to("n", most);
            assert!(axis.to >= most && axis.to <= most * 1.5, "{axis:?}");
            assert!((4..=9).contains(&axis.ticks().len()), "{:?}", axis.ticks());
        }
        let axis = Axis::decades("ms", 0.5, 300.0);
        assert!(axis.place(0.5) > 0.0 && axis.place(300.0) < 1.0);
        assert_eq!(axis.ticks(), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
    }

    #[test]
    fn what_is_written_cannot_leave_its_place() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
