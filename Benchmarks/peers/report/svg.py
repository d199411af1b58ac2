"""Plots as SVG text: axes, ticks, lines. No library."""

import html
import math

COLOURS = ["#0b6e4f", "#c8553d", "#2f6690", "#8a5a9e", "#b08900", "#3d405b", "#d1495b", "#5f7a61"]


def ticks(low, high, log):
    if log:
        out = [m * 10.0**e for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
        out = [t for t in out if low * 0.999 <= t <= high * 1.001]
        return out if len(out) <= 9 else [t for t in out if f"{t:e}"[0] == "1"]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(k for k in (1, 2, 5, 10) if (high - low) / (k * step) <= 6)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def number(x):
    if x == 0:
        return "0"
    return f"{x:.0f}" if abs(x) >= 10 and x == round(x) else f"{x:.3g}"


def plot(title, x_label, y_label, series, log_x=True, log_y=True, x_ticks=None, width=620, height=380):
    """series: (name, points, style) with style "line", "dashed" or "points"; the first ones stand out when their name begins with us."""
    points = [p for _, ps, _ in series for p in ps]
    if not points:
        return ""
    xs, ys = [p[0] for p in points], [p[1] for p in points]

    def span(values, log):
        low, high = min(values), max(values)
        if log:
            pad = (high / low) ** 0.06 if high > low else 1.5
            return low / pad, high * pad
        return 0, high * 1.06

    (x0, x1), (y0, y1) = span(xs, log_x), span(ys, log_y)
    left, right, top, bottom = 66, 190, 40, 48

    def place(v, a, b, log):
        return (math.log(v / a) / math.log(b / a)) if log else (v - a) / (b - a)

    def px(x):
        return left + place(x, x0, x1, log_x) * (width - left - right)

    def py(y):
        return height - bottom - place(y, y0, y1, log_y) * (height - top - bottom)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="22" font-size="14" font-weight="600">{html.escape(title)}</text>',
    ]
    for t in [t for t in x_ticks or ticks(x0, x1, log_x) if x0 <= t <= x1]:
        out.append(f'<line x1="{px(t):.1f}" x2="{px(t):.1f}" y1="{top}" y2="{height - bottom}" stroke="#e6e6e6"/>')
        out.append(f'<text x="{px(t):.1f}" y="{height - bottom + 16}" text-anchor="middle">{number(t)}</text>')
    for t in ticks(y0, y1, log_y):
        out.append(f'<line x1="{left}" x2="{width - right}" y1="{py(t):.1f}" y2="{py(t):.1f}" stroke="#e6e6e6"/>')
        out.append(f'<text x="{left - 6}" y="{py(t) + 4:.1f}" text-anchor="end">{number(t)}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">{html.escape(x_label)}</text>')
    out.append(
        f'<text transform="translate(14 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">{html.escape(y_label)}</text>'
    )
    labels = []
    for k, (name, ps, style) in enumerate(series):
        if not ps:
            continue
        colour, heavy = COLOURS[k % len(COLOURS)], 2.6 if name.startswith("ours") else 1.5
        ps = sorted(ps)
        if style != "points":
            path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in ps)
            dash = ' stroke-dasharray="6 4"' if style == "dashed" else ""
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{heavy}"{dash}/>')
        if style != "dashed":
            out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="{heavy + 1.2:.1f}" fill="{colour}"/>' for x, y in ps]
        labels.append([py(ps[-1][1]), name, colour, heavy > 2])
    # Names at the right end of the lines, moved apart.
    labels.sort()
    for a, b in zip(labels, labels[1:]):
        b[0] = max(b[0], a[0] + 15)
    overflow = max(0, labels[-1][0] - (height - bottom + 10)) if labels else 0
    for y, name, colour, bold in labels:
        weight = ' font-weight="600"' if bold else ""
        out.append(f'<text x="{width - right + 8}" y="{y - overflow + 4:.1f}" fill="{colour}"{weight}>{html.escape(name)}</text>')
    return "\n".join(out + ["</svg>"])
