import { lazy, Suspense, useState } from 'react'
import amp from './assets/amp.svg'
import Greeting from './components/Greeting.jsx'
import Volume from './components/Volume.jsx'

// Loaded on demand, so that the build has more than one chunk.
const About = lazy(() => import('./components/About.jsx'))

export default function App() {
  const [showAbout, setShowAbout] = useState(false)
  return (
    <main>
      <img src={amp} alt="" width="96" />
      <Greeting />
      <Volume />
      <button type="button" onClick={() => setShowAbout(!showAbout)}>
        About
      </button>
      <Suspense fallback={<p>Loading…</p>}>{showAbout && <About />}</Suspense>
    </main>
  )
}
