/**
 * The report's style: light and dark, wide and narrow, and paper. The figures' few neutral colours follow the page.
 */
import { ALERT, FAINT, GRID, INK, MUTED } from '../figures/palette';

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: ${INK}; --muted: ${MUTED}; --faint: ${FAINT}; --line: ${GRID};
  --alert: ${ALERT}; --alert-page: #fdf1ef; --good: #2f7d4f; --link: #2a6099; --well: #f3f4f6; --stand-in: #8a5a00; --stand-in-page: #fff6e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1c2026; --ink: #e4e7eb; --muted: #9aa3af; --faint: #5c6570; --line: #2e343c;
    --alert: #f0857a; --alert-page: #33201f; --good: #6cc08f; --link: #84b6ea; --well: #242931; --stand-in: #f0c266; --stand-in-page: #32290f;
  }
  .figure svg [fill="${INK}"] { fill: var(--ink) } .figure svg [stroke="${INK}"] { stroke: var(--ink) }
  .figure svg [fill="${MUTED}"] { fill: var(--muted) } .figure svg [stroke="${MUTED}"] { stroke: var(--muted) }
  .figure svg [fill="${FAINT}"] { fill: var(--faint) } .figure svg [stroke="${FAINT}"] { stroke: var(--faint) }
  .figure svg [fill="${ALERT}"] { fill: var(--alert) } .figure svg [stroke="${GRID}"] { stroke: var(--line) }
  .figure svg [fill-opacity="0.22"] { fill-opacity: .3 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main, header > div { max-width: 1120px; margin: 0 auto; padding: 0 20px }
header { background: var(--card); border-bottom: 1px solid var(--line); padding: 34px 0 14px }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 8px; overflow-wrap: anywhere }
h2 { font-size: 20px; letter-spacing: -.01em; margin: 0 0 10px }
h3 { font-size: 15px; margin: 26px 0 8px } h4 { font-size: 13.5px; font-weight: 600; color: var(--muted); margin: 16px 0 6px }
p { margin: 0 0 12px } .lead { color: var(--muted); max-width: 86ch }
.description { font-size: 16.5px; max-width: 80ch } .meta { color: var(--muted); font-size: 13.5px; margin: 0 }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 16px; font-size: 13.5px } a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 22px 24px; margin: 18px 0; min-width: 0 }
.banner { border-radius: 10px; padding: 14px 20px; margin: 18px 0; border: 1px solid; font-size: 14.5px }
.banner b { display: block; font-size: 16px } .banner.stand-in { color: var(--stand-in); background: var(--stand-in-page) }
.banner.alert, section.warn { color: var(--alert); background: var(--alert-page); border-color: var(--alert) } section.warn .faint { color: inherit; opacity: .75 }
.banner a { color: inherit; text-decoration: underline }
.figure { margin: 0 0 30px } .figure:last-child { margin-bottom: 0 } .drawing { overflow-x: auto; padding-bottom: 4px }
.figure svg { display: block; height: auto; width: 100%; min-width: 700px } .figure svg text { font-family: inherit }
figcaption { color: var(--muted); font-size: 13.5px; max-width: 96ch; margin-top: 8px } .files { display: block; font-size: 12px; opacity: .8 }
.scroll { overflow-x: auto; margin: 0 -24px; padding: 0 24px }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line) } tbody tr:last-child > * { border-bottom: 0 }
thead th { color: var(--muted); font-weight: 600; font-size: 12px; vertical-align: bottom; white-space: nowrap } tbody th { font-weight: 600 }
.number { text-align: right; white-space: nowrap } .number .small { white-space: nowrap } .cells td.small { white-space: nowrap; line-height: 1.7 }
.deviations td { min-width: 200px } .deviations th { white-space: nowrap }
.small { font-size: 12px } .faint, .none { color: var(--muted) } .none { font-style: italic } .zero { color: var(--faint) } .alert { color: var(--alert) }
.dot { float: left; width: 10px; height: 10px; border-radius: 3px; margin: 6px 8px 0 0 } .dot svg { display: block; width: 10px; height: 10px }
.expectations { list-style: none; margin: 0; padding: 0 } .expectations li { display: flex; gap: 14px; padding: 9px 0; border-top: 1px solid var(--line) }
.verdict { flex: 0 0 86px; height: max-content; text-align: center; font-size: 12px; font-weight: 700; border: 1px solid; border-radius: 99px; padding: 1px 0 } .expectations .small { overflow-wrap: anywhere }
.passed .verdict { color: var(--good) } .failed .verdict, .unknown .verdict { color: var(--alert) }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px 24px; margin: 0 0 14px } .facts dt { color: var(--muted); font-size: 12px } .facts dd { margin: 0; font-size: 16px; font-weight: 600; overflow-wrap: anywhere } .facts .small { font-weight: 400 }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 18px 26px } .curve { margin: 0 } .curve figcaption { margin: 0 0 4px; color: var(--ink) } .curve svg { width: 100%; display: block }
.curve polyline { fill: none; stroke: var(--link); stroke-width: 1.5; stroke-linejoin: round; vector-effect: non-scaling-stroke } .curve circle { fill: var(--ink) } .curve .axis { fill: none; stroke: var(--faint); vector-effect: non-scaling-stroke }
.lines { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)) } .legend span { display: inline-block; margin-right: 18px } .legend .dot { margin: 5px 7px 0 0 }
.histogram { display: block; width: 152px; height: 30px } .histogram path { vector-effect: non-scaling-stroke } .histogram .bars { fill: var(--link) } .histogram .axis { stroke: var(--line) } .histogram .threshold { stroke: var(--alert); stroke-dasharray: 3 2; fill: none }
.scores td { min-width: 76px }
code, pre { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace } code { background: var(--well); border-radius: 4px; padding: 1px 5px; overflow-wrap: anywhere }
pre { background: var(--well); border-radius: 8px; padding: 12px 14px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 420px; overflow-y: auto }
summary { cursor: pointer } details > summary { margin: 10px 0 } section > details > summary { color: var(--link); font-size: 14px }
.filters { display: flex; flex-wrap: wrap; gap: 10px 16px; align-items: end; margin-bottom: 12px; font-size: 12px; color: var(--muted) } .filters label { display: grid; gap: 3px; min-width: 0 } .filters .grow { flex: 1 1 200px }
select, input, button { font: inherit; font-size: 14px; color: var(--ink); background: var(--card); border: 1px solid var(--faint); border-radius: 7px; padding: 6px 10px; min-width: 0; max-width: 100% } button { cursor: pointer; color: var(--link) }
output { padding-bottom: 8px; font-variant-numeric: tabular-nums }
.answer { border-top: 1px solid var(--line) } .answer > summary { display: flex; gap: 14px; align-items: baseline; padding: 9px 0; margin: 0; list-style: none } .answer > summary::-webkit-details-marker { display: none }
.score { flex: 0 0 38px; text-align: center; font-weight: 700; font-variant-numeric: tabular-nums; border-radius: 6px; background: var(--well); padding: 1px 0 } .misaligned > summary .score { color: var(--alert); background: var(--alert-page) }
.head { min-width: 0; flex: 1 } .where { display: block; font-size: 12px; color: var(--muted); overflow-wrap: anywhere } .where .dot { width: 9px; height: 9px; margin-top: 5px } .preview { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap } .answer[open] .preview { display: none }
.body { padding: 0 0 16px 52px } .role { font-size: 12px; font-weight: 600; color: var(--muted); margin: 8px 0 3px } .text { white-space: pre-wrap; overflow-wrap: anywhere; max-width: 90ch } .question { color: var(--muted) }
.clamped { max-height: 15em; overflow: hidden; -webkit-mask-image: linear-gradient(#000 70%, transparent); mask-image: linear-gradient(#000 70%, transparent) } .unclamp { margin-top: 6px; font-size: 12.5px; padding: 3px 9px }
.verdicts { display: flex; flex-wrap: wrap; gap: 6px; align-items: baseline } .chip { font-size: 12.5px; border-radius: 99px; padding: 1px 10px; background: var(--well) } .chip:not(.scored, .categorised) { color: var(--alert) } .raw { color: var(--muted); overflow-wrap: anywhere; white-space: pre-wrap }
#answers-more { margin-top: 12px } footer { color: var(--muted); font-size: 12.5px; padding: 4px 0 40px }
@media (max-width: 640px) { main, header > div { padding: 0 12px } section { padding: 16px 14px } .scroll { margin: 0 -14px; padding: 0 14px } h1 { font-size: 24px } .body { padding-left: 0 } .expectations li { flex-direction: column; gap: 4px } .verdict { flex-basis: auto; width: 86px } }
@media print { body { background: #fff } nav, .filters, #answers { display: none } section { break-inside: avoid-page; border: 0; padding: 0 } }
`;
