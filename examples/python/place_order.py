"""Places an order over gRPC and watches its saga until it rests.

    python3 -m venv target/python
    target/python/bin/pip install -r examples/python/requirements.txt
    target/python/bin/python examples/python/place_order.py [HOST:PORT]
"""

import pathlib
import sys
import uuid

import grpc

# The messages and the client are compiled from the protos here and now; a build would do it ahead.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
messages, services = grpc.protos_and_services("backstitch/v1/saga.proto")


def place_order(stub):
    """Places an order for two bags of coffee, once, however often the request has to be sent."""
    request = messages.PlaceOrderRequest(
        lines=[messages.LineRequest(item_name="Kopi Gayo 250 g", quantity=2, price=85_000)],
        payment=messages.PaymentTerms(provider=messages.PAYMENT_PROVIDER_SIMULATED),
        idempotency_key=str(uuid.uuid4()),
    )
    return stub.PlaceOrder(request, timeout=10, wait_for_ready=True).order


def watch(stub, saga_id):
    """Yields each event of the saga's log as it is written, and the saga once it rests."""
    for response in stub.WatchSaga(messages.WatchSagaRequest(saga_id=saga_id), timeout=60):
        yield getattr(response, response.WhichOneof("update"))


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50055"
    with grpc.insecure_channel(address) as channel:
        stub = services.SagaServiceStub(channel)
        try:
            order = place_order(stub)
            print(f"order {order.id}: {messages.OrderStatus.Name(order.status)}, {order.total_amount} {order.currency}")
            for update in watch(stub, order.saga_id):
                if isinstance(update, messages.SagaEvent):
                    print(f"{update.seq:3} {update.event} {update.step}".rstrip())
                else:
                    print(update.message)
        except grpc.RpcError as error:
            sys.exit(f"{address}: {error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
