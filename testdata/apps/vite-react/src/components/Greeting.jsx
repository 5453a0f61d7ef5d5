export default function Greeting() {
  const meta = document.querySelector('meta[name="greeting"]')
  return <h1>{meta.content}</h1>
}
