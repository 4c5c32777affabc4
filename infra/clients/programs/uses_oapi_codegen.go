// Uses the package that oapi-codegen made.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"example.com/uses/generated"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func connected(variable string) *generated.ClientWithResponses {
	authorized := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("CTRIP_API_KEY"))
		return nil
	}
	return must(generated.NewClientWithResponses(os.Getenv(variable), generated.WithRequestEditorFn(authorized)))
}

func created(client *generated.ClientWithResponses, amount string) *generated.Payment {
	wanted := generated.PaymentRequest{Chain: "anvil", Amount: &amount}
	return must(client.CreatePaymentWithResponse(context.Background(), nil, wanted)).JSON201
}

func read(client *generated.ClientWithResponses, id string) *generated.Payment {
	return must(client.ReadPaymentWithResponse(context.Background(), id)).JSON200
}

func main() {
	today := connected("CTRIP_URL")
	for _, amount := range strings.Fields(os.Getenv("CTRIP_AMOUNTS")) {
		payment := created(today, amount)
		fmt.Println("amount", amount, payment.Id, payment.AmountStr, read(today, payment.Id).AmountStr)
	}

	tomorrow := connected("CTRIP_TOMORROW_URL")
	payment := read(tomorrow, created(tomorrow, "1").Id)
	fmt.Println("status", payment.Status)
	fmt.Println("flag", payment.Exceptions[len(payment.Exceptions)-1], *payment.Exception)
	if _, there := payment.AdditionalProperties["field_of_tomorrow"]; there {
		fmt.Println("field kept")
	} else {
		fmt.Println("field ignored")
	}
	limit := 5
	page := must(tomorrow.ListPaymentsWithResponse(context.Background(), &generated.ListPaymentsParams{Limit: &limit}))
	fmt.Println("listed", page.JSON200.Data[0].Status)
	missing := must(tomorrow.ReadPaymentWithResponse(context.Background(), "none"))
	fmt.Println("code", missing.JSON404.Code)
}
