import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.PaymentsApi;
import org.openapitools.client.model.Payment;
import org.openapitools.client.model.PaymentPage;
import org.openapitools.client.model.PaymentRequest;
import org.openapitools.client.model.Problem;

/** Uses the package that openapi-generator made. */
public class Uses {
    static PaymentsApi connected(String variable) {
        ApiClient client = new ApiClient();
        client.setBasePath(System.getenv(variable));
        client.addDefaultHeader("Authorization", "Bearer " + System.getenv("CTRIP_API_KEY"));
        return new PaymentsApi(client);
    }

    static Payment created(PaymentsApi api, String amount) throws ApiException {
        return api.createPayment(new PaymentRequest().chain("anvil").amount(amount), null);
    }

    public static void main(String[] arguments) throws Exception {
        PaymentsApi today = connected("CTRIP_URL");
        for (String amount : System.getenv("CTRIP_AMOUNTS").split(" ")) {
            Payment payment = created(today, amount);
            String read = today.readPayment(payment.getId()).getAmountStr();
            System.out.println(String.join(" ", "amount", amount, payment.getId(), payment.getAmountStr(), read));
        }

        PaymentsApi tomorrow = connected("CTRIP_TOMORROW_URL");
        Payment payment = tomorrow.readPayment(created(tomorrow, "1").getId());
        System.out.println("status " + payment.getStatus());
        int last = payment.getExceptions().size() - 1;
        System.out.println("flag " + payment.getExceptions().get(last) + " " + payment.getException());
        boolean kept = payment.getAdditionalProperty("field_of_tomorrow") != null;
        System.out.println("field " + (kept ? "kept" : "ignored"));
        PaymentPage page = tomorrow.listPayments(5, null, null, null, null, null, null);
        System.out.println("listed " + page.getData().get(0).getStatus());
        try {
            tomorrow.readPayment("none");
        } catch (ApiException refusal) {
            System.out.println("code " + Problem.fromJson(refusal.getResponseBody()).getCode());
        }
    }
}
