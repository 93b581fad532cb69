export default function Products() {
  return <h1>dixis products</h1>;
}
