/**
 * A table as every section draws it. It scrolls sideways by itself where the screen is narrow, so that the page does not.
 */
import { markup, type Markup, type Part } from './markup';

/** The heading of a column of numbers. */
export function numeric(heading: Part): Markup {
  return markup`<th class="number">${heading}</th>`;
}

/** A column's heading: its words, or an element of its own such as `numeric` makes. A false one is left out. */
type Heading = string | Markup | false | readonly (string | Markup)[];

/** `rows`: one `<tr>` each. */
export function table(headings: readonly Heading[], rows: Part, className?: string): Markup {
  return markup`<div class="scroll">
    <table${className !== undefined && markup` class="${className}"`}>
      <thead>
        <tr>
          ${headings.flat().map((heading) => (typeof heading === 'string' ? markup`<th>${heading}</th>` : heading))}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
