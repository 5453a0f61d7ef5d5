export default function About() {
  return <p>A small real app that preamp builds in its tests.</p>
}
