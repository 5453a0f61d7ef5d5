/** Makes the one component that both apps share. */
export function card(title, text) {
  const section = document.createElement('section')
  section.className = 'card'
  const heading = document.createElement('h1')
  heading.textContent = title
  const paragraph = document.createElement('p')
  paragraph.textContent = text
  section.append(heading, paragraph)
  return section
}
