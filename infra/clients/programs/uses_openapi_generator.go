// Uses the package that openapi-generator made.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"example.com/uses/generated"
)

var background = context.Background()

func connected(variable string) *generated.PaymentsAPIService {
	configuration := generated.NewConfiguration()
	configuration.Servers = generated.ServerConfigurations{{URL: os.Getenv(variable)}}
	configuration.AddDefaultHeader("Authorization", "Bearer "+os.Getenv("CTRIP_API_KEY"))
	return generated.NewAPIClient(configuration).PaymentsAPI
}

func created(api *generated.PaymentsAPIService, amount string) *generated.Payment {
	wanted := generated.NewPaymentRequest("anvil")
	wanted.SetAmount(amount)
	payment, _, err := api.CreatePayment(background).PaymentRequest(*wanted).Execute()
	if err != nil {
		panic(err)
	}
	return payment
}

func read(api *generated.PaymentsAPIService, id string) *generated.Payment {
	payment, _, err := api.ReadPayment(background, id).Execute()
	if err != nil {
		panic(err)
	}
	return payment
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
	fmt.Println("flag", payment.Exceptions[len(payment.Exceptions)-1], payment.GetException())
	if _, there := payment.AdditionalProperties["field_of_tomorrow"]; there {
		fmt.Println("field kept")
	} else {
		fmt.Println("field ignored")
	}
	page, _, err := tomorrow.ListPayments(background).Limit(5).Execute()
	if err != nil {
		panic(err)
	}
	fmt.Println("listed", page.Data[0].Status)
	_, _, err = tomorrow.ReadPayment(background, "none").Execute()
	var refusal *generated.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		panic(err)
	}
	problem := refusal.Model().(generated.Problem)
	fmt.Println("code", problem.Code)
}
