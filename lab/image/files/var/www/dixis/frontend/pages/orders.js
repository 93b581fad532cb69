// Rendered anew for each request, so that a 200 says that the server can still think.
export const getServerSideProps = async () => ({ props: { at: new Date().toISOString() } });

export default function Orders({ at }) {
  return <h1 title={at}>dixis orders</h1>;
}
