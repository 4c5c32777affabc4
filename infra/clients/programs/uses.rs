//! Uses the crate that openapi-generator made.
use std::env::var;

use openapi::apis::configuration::Configuration;
use openapi::apis::payments_api::{create_payment, list_payments, read_payment, ReadPaymentError};
use openapi::apis::Error;
use openapi::models::{Payment, PaymentRequest};

fn connected(variable: &str) -> Configuration {
    Configuration {
        base_path: var(variable).unwrap(),
        bearer_access_token: Some(var("CTRIP_API_KEY").unwrap()),
        ..Configuration::default()
    }
}

async fn created(api: &Configuration, amount: &str) -> Payment {
    let mut wanted = PaymentRequest::new("anvil".to_string());
    wanted.amount = Some(amount.to_string());
    create_payment(api, wanted, None).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let today = connected("CTRIP_URL");
    for amount in var("CTRIP_AMOUNTS").unwrap().split(' ') {
        let payment = created(&today, amount).await;
        let read = read_payment(&today, &payment.id).await.unwrap();
        println!("amount {amount} {} {} {}", payment.id, payment.amount_str, read.amount_str);
    }

    let tomorrow = connected("CTRIP_TOMORROW_URL");
    let id = created(&tomorrow, "1").await.id;
    let payment = read_payment(&tomorrow, &id).await.unwrap();
    println!("status {}", payment.status);
    println!("flag {} {}", payment.exceptions.last().unwrap(), payment.exception.unwrap());
    // The crate's structs have no place for it.
    println!("field ignored");
    let page = list_payments(&tomorrow, Some(5), None, None, None, None, None, None).await.unwrap();
    println!("listed {}", page.data[0].status);
    match read_payment(&tomorrow, "none").await {
        Err(Error::ResponseError(refusal)) => match refusal.entity {
            Some(ReadPaymentError::Status400(problem)) => println!("code {}", problem.code),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
