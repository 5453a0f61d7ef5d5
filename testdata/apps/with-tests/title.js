/** Returns the text of the page's title element, or '' when it has none. */
export function title(html) {
  return html.match(/<title>([^<]*)<\/title>/)?.[1] ?? ''
}
