export function App() {
  return <h1>Orrery</h1>;
}
