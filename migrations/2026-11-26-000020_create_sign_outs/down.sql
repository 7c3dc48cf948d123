DROP TABLE sign_outs;
